// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/store_conformance.h"
#include "tests/stores/support.h"

namespace leasehold::stores {
namespace {

class FileSubject {
public:
    ~FileSubject() { gate_->open(); }

    std::unique_ptr<Store> open(EventLoop& loop) {
        const auto hook = [gate = gate_](FileStep) { gate->pass(); };
        const std::string writer = "client" + std::to_string(++clients_);
        auto file = std::make_shared<RegisterFile>(temp_.place(), writer, hook);
        auto store = FileStore::open(loop, std::move(file), FileStore::Rhythm());
        EXPECT_TRUE(store) << store.error().message;
        return std::move(*store);
    }
    void remove() { std::filesystem::remove(temp_.record()); }
    void put(const std::string& text) { put_file(temp_.record(), text); }
    void stall() { gate_->close(); }
    void resume() { gate_->open(); }

private:
    TempFolder temp_;
    const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
    int clients_ = 0;
};

INSTANTIATE_TYPED_TEST_SUITE_P(File, StoreConformance, FileSubject);

}  // namespace
}  // namespace leasehold::stores
