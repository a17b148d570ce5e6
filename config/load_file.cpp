// SPDX-License-Identifier: Apache-2.0
#include "config/load_file.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/result.h"
#include "config/config.h"
#include "config/text.h"

namespace leasehold::config {
namespace {

tl::unexpected<Error> refused(const char* advice, int code) {
    return failure("cannot be read: " + std::generic_category().message(code) + "; " + advice, code);
}

const char* advice_for(int code) {
    switch (code) {
        case ENOENT:
        case ENOTDIR: return "give the path of a file that exists";
        case EACCES:
        case EPERM: return "let the user that leasehold runs as read it";
        default: return "give a regular file that can be read";
    }
}

// Not waiting for anybody: opening a FIFO would wait for its writer, reading a terminal for its user.
Result<UniqueFd> open_regular(const std::string& file) {
    if (file == "-") return failure("standard input is not supported; write the configuration to a file");
    UniqueFd fd(open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd) return refused(advice_for(errno), errno);
    struct stat info {};
    if (fstat(fd.get(), &info) != 0) return refused(advice_for(errno), errno);
    if (S_ISDIR(info.st_mode)) return failure("is a folder; give the file in it");
    if (!S_ISREG(info.st_mode)) return failure("is not a regular file; give one");
    return fd;
}

}  // namespace

Result<std::string> contents_of(const std::string& file) {
    const auto fd = open_regular(file);
    if (!fd) return tl::unexpected(fd.error());
    std::string text;
    char buffer[16 * 1024];
    while (text.size() <= kMaxFileSize) {  // one byte more is enough to know
        const ssize_t count = ::read(fd->get(), buffer, sizeof buffer);
        if (count == 0) break;
        if (count > 0) {
            text.append(buffer, static_cast<std::size_t>(count));
        } else if (errno != EINTR) {
            return refused(advice_for(errno), errno);
        }
    }
    return text;
}

Loaded load_file(const std::string& file, const LoadSettings& settings) {
    const auto text = contents_of(file);
    if (!text) return {{}, {{0, 0, "", text.error().message}}};
    return load_text(*text, settings);
}

}  // namespace leasehold::config
