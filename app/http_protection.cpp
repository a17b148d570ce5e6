// SPDX-License-Identifier: Apache-2.0
#include "app/http_protection.h"

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/load.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "election/stores/secret_text.h"
#include "election/stores/watched_file.h"

namespace leasehold::app {
namespace {

using stores::WatchedFile;

constexpr Duration kLookPeriod = std::chrono::seconds(1);

// A file of the section, with what is wrong with it told once.
class ProtectionFile {
public:
    ProtectionFile(std::string key, const std::string& path, WatchedFile::Accept accept)
        : key_(std::move(key)), file_(path, std::move(accept)) {}

    const std::optional<std::string>& look() {
        file_.check();
        if (file_.problem() != told_ && !file_.problem().empty()) log::error("{}: {}", key_, file_.problem());
        told_ = file_.problem();
        return file_.value();
    }

    Result<std::string> first_look() {
        const auto& value = look_silently();
        if (value) return *value;
        return failure(key_ + ": " + file_.problem());
    }

private:
    const std::optional<std::string>& look_silently() {
        file_.check();
        return file_.value();
    }

    std::string key_;
    WatchedFile file_;
    std::string told_;
};

ProtectionFile token_file(const metrics::HttpOptions& options) {
    return {"http.token_file", options.token_file, stores::accept_token};
}
ProtectionFile cert_file(const metrics::HttpOptions& options) {
    return {"http.tls.cert_file", options.tls.cert_file, stores::accept_certificates};
}
ProtectionFile key_file(const metrics::HttpOptions& options) {
    return {"http.tls.key_file", options.tls.key_file, stores::accept_private_key};
}

metrics::TokenSource token_source(const metrics::HttpOptions& options) {
    const auto file = std::make_shared<ProtectionFile>(token_file(options));
    const auto looked = std::make_shared<std::optional<Instant>>();
    const auto token = std::make_shared<std::optional<std::string>>();
    return [file, looked, token] {
        if (!*looked || elapsed_at_least(**looked, now()) >= kLookPeriod) {
            *token = file->look();
            *looked = now();
        }
        return *token;
    };
}

metrics::HttpServer::TlsSource tls_source(const metrics::HttpOptions& options) {
    const auto cert = std::make_shared<ProtectionFile>(cert_file(options));
    const auto key = std::make_shared<ProtectionFile>(key_file(options));
    const auto last = std::make_shared<std::pair<std::string, std::string>>();
    return [cert, key, last]() -> std::optional<metrics::TlsIdentity> {
        const auto& certificates = cert->look();
        const auto& private_key = key->look();
        if (!certificates || !private_key) return std::nullopt;
        std::pair both(*certificates, *private_key);
        if (both == *last) return std::nullopt;
        *last = std::move(both);
        return metrics::TlsIdentity{last->first, last->second};
    };
}

void complain_if_readable_by_all(const std::string& key, const std::string& path) {
    struct stat about {};
    if (stat(path.c_str(), &about) != 0 || (about.st_mode & S_IROTH) == 0) return;
    complain(key + ": " + path + " can be read by everybody on this machine; chmod o-r " + path);
}

// The child's half: nothing when they fit.
[[noreturn]] void try_and_tell(const metrics::TlsIdentity& identity, int pipe) {
    const auto tried = metrics::try_tls_identity(identity);
    const std::string text = tried ? "" : tried.error().message;
    const bool told = write(pipe, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(tried && told ? 0 : 1);
}

Result<void> try_apart(const metrics::TlsIdentity& identity) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("http.tls: pipe");
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t child = fork();
    if (child < 0) return system_failure("http.tls: fork");
    if (child == 0) try_and_tell(identity, writing.get());
    writing.reset();
    std::string text;
    std::array<char, 1024> buffer{};
    while (true) {
        const ssize_t got = read(reading.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return system_failure("http.tls: waitpid");
    }
    if (status == 0 && text.empty()) return {};
    return failure(text.empty() ? "http.tls: the library that serves it ended unexpectedly" : text);
}

}  // namespace

HttpProtection protect_http(const metrics::HttpOptions& options) {
    HttpProtection protection;
    if (!options.token_file.empty()) protection.token = token_source(options);
    if (options.tls.given) protection.tls = tls_source(options);
    return protection;
}

Result<void> try_http_protection(const metrics::HttpOptions& options) {
    if (options.listen.empty()) return {};
    if (!options.token_file.empty()) {
        if (auto token = token_file(options).first_look(); !token) return tl::unexpected<Error>(token.error());
        complain_if_readable_by_all("http.token_file", options.token_file);
    }
    if (!options.tls.given) return {};
    auto certificates = cert_file(options).first_look();
    if (!certificates) return tl::unexpected<Error>(certificates.error());
    auto key = key_file(options).first_look();
    if (!key) return tl::unexpected<Error>(key.error());
    complain_if_readable_by_all("http.tls.key_file", options.tls.key_file);
    return try_apart({std::move(*certificates), std::move(*key)});
}

}  // namespace leasehold::app
