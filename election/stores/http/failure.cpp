// SPDX-License-Identifier: Apache-2.0
#include "election/stores/http/client.h"

namespace leasehold::stores::http {

const char* label_of(Failure failure) {
    switch (failure) {
        case Failure::none: return "none";
        case Failure::timeout: return "timeout";
        case Failure::resolve: return "resolve";
        case Failure::connect: return "connect";
        case Failure::tls: return "tls";
        case Failure::unanswered: return "reset";
        case Failure::too_large: return "too_large";
        case Failure::malformed: break;
    }
    return "malformed";
}

}  // namespace leasehold::stores::http
