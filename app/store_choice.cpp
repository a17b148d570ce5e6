// SPDX-License-Identifier: Apache-2.0
#include "app/store_choice.h"

#include "election/stores/file_store.h"

namespace leasehold::app {

Result<PreparedStore> prepare_store(const config::Options& options) {
    const stores::FileOptions& file = options.election.store.file;
    auto prepared = stores::prepare_file_store(file);
    if (!prepared) return tl::unexpected<Error>(prepared.error());
    PreparedStore store{.place = file.path, .lock_id = std::move(prepared->lock_id), .held = {}};
    store.held.push_back(std::move(prepared->presence));
    if (prepared->mount_presence) store.held.push_back(std::move(prepared->mount_presence));
    return store;
}

Result<std::string> init_store(const config::Options& options) {
    return stores::init_file_store(options.election.store.file, options.election.timing.lease_duration);
}

Result<std::unique_ptr<stores::Store>> open_store(EventLoop& loop, const config::Options& options,
                                                  std::string writer_name) {
    return stores::open_file_store(loop, options.election.store.file, std::move(writer_name));
}

}  // namespace leasehold::app
