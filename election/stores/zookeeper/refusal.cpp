// SPDX-License-Identifier: Apache-2.0
#include "election/stores/zookeeper/refusal.h"

#include <fmt/core.h>

#include "election/stores/secret_text.h"
#include "election/stores/zookeeper/client_library.h"

namespace leasehold::stores::zookeeper {
namespace {

constexpr int kQuotaExceeded = -125;  // newer than Debian 12's header

}  // namespace

bool is_loss(int code) {
    switch (code) {
        case ZCONNECTIONLOSS:
        case ZOPERATIONTIMEOUT:
        case ZINVALIDSTATE:
        case ZCLOSING:
        case ZSESSIONEXPIRED:
        case ZSESSIONMOVED:
        case ZAUTHFAILED:
        case ZSESSIONCLOSEDREQUIRESASLAUTH: return true;
        default: return false;
    }
}

Explanation explain(int code, const std::string& text, const std::string& action, const std::string& path,
                    const std::string& server, bool authenticates) {
    const std::string where = shown(path);
    switch (code) {
        case ZNOAUTH: {
            const char* advice = authenticates
                                     ? "the credential in election.store.zookeeper.auth_file"
                                     : "clients without a credential (set election.store.zookeeper.auth_file)";
            if (action == kMakeBelow) {
                return {"forbidden",
                        fmt::format("{} does not allow {} to {} {}: look with 'getAcl {}' in zkCli, and grant c on it",
                                    server, advice, action, where, where),
                        true};
            }
            return {"forbidden",
                    fmt::format("{} does not allow {} to {} {}: look with 'getAcl {}' in zkCli, and grant cdrwa to it, "
                                "and c on the znode above",
                                server, advice, action, where, where),
                    true};
        }
        case ZINVALIDACL:
            return {"unauthorized",
                    fmt::format("{} does not know who asks: what stands in election.store.zookeeper.auth_file proves "
                                "nothing to it",
                                server),
                    true};
        case ZNOTREADONLY:
            return {"unavailable", fmt::format("{} only lets read: it has no quorum with the others", server), true};
        case ZTHROTTLEDOP:
            return {"unavailable", fmt::format("{} is overloaded, and did not {} {}", server, action, where), true};
        case kQuotaExceeded:
            return {"full", fmt::format("a quota on {} is used up: see 'listquota' in zkCli", where), true};
        case ZNOCHILDRENFOREPHEMERALS:
            return {"refused",
                    fmt::format("{} or the znode above it is an ephemeral one of somebody else: delete it, or choose "
                                "another election.store.zookeeper.path",
                                where),
                    true};
        default:
            // The server's own errors are those of a request that it did not carry out, all of a multi or nothing.
            return {"refused", fmt::format("{} refuses to {} {}: {} ({})", server, action, where, text, code),
                    code < ZAPIERROR};
    }
}

Explanation explain_loss(int code, const std::string& text, const std::string& server, bool authenticates) {
    if (code != ZAUTHFAILED && code != ZSESSIONCLOSEDREQUIRESASLAUTH) {
        return {"connection_lost", fmt::format("{} gave no answer: {}", server, text)};
    }
    return {"unauthorized",
            fmt::format("{} {} ({}); where it wants SASL (sessionRequireClientSASLAuth, enforce.auth.schemes) it must "
                        "allow digest as well, or no authentication",
                        server,
                        authenticates ? "does not accept what stands in election.store.zookeeper.auth_file"
                                      : "wants its clients to authenticate: set election.store.zookeeper.auth_file",
                        text)};
}

Result<std::string> accept_credential(const std::string& text) {
    std::string line = text.substr(0, text.find_first_of("\r\n"));
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos || blank == 0 || blank + 1 == line.size()) {
        return failure("must hold a scheme and a credential in its first line: 'digest USER:PASSWORD'");
    }
    if (line.substr(0, blank) != "digest") {
        return failure(
            "names another scheme than 'digest', the only one that can be used; write 'digest USER:PASSWORD'");
    }
    if (line.find(':', blank) == std::string::npos) {
        return failure("has no colon between user and password; write 'digest USER:PASSWORD'");
    }
    return line;
}

}  // namespace leasehold::stores::zookeeper
