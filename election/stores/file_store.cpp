// SPDX-License-Identifier: Apache-2.0
#include "election/stores/file_store.h"

#include "election/stores/file_store_loop.h"

namespace leasehold::stores {

Result<std::unique_ptr<Store>> open_file_store(EventLoop& loop, const FileOptions& options, std::string writer_name) {
    if (!options.path.starts_with('/')) return failure("'" + options.path + "' is not an absolute path");
    auto file = std::make_shared<RegisterFile>(FilePlace(options.path), std::move(writer_name));
    auto store = FileStore::open(loop, std::move(file), FileStore::Rhythm());
    if (!store) return failure("cannot set up the file store: " + store.error().message, store.error().code);
    return std::unique_ptr<Store>(std::move(*store));
}

}  // namespace leasehold::stores
