// SPDX-License-Identifier: Apache-2.0
#include "metrics/compression.h"

#include <limits>

#include <zlib.h>

namespace leasehold::metrics {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest, and gzip's header instead of zlib's
constexpr int kMemory = 8;            // zlib's own choice: 256 KiB while it compresses

}  // namespace

std::optional<std::string> gzip(std::string_view text) {
    if (text.size() > std::numeric_limits<uInt>::max() / 2) return std::nullopt;
    z_stream stream{};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
        return std::nullopt;
    }
    std::string packed(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // only read
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    packed.resize(stream.total_out);
    const bool ended = deflateEnd(&stream) == Z_OK;
    if (!done || !ended) return std::nullopt;
    return packed;
}

}  // namespace leasehold::metrics
