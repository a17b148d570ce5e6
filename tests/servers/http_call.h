// SPDX-License-Identifier: Apache-2.0
//
// One request to a server of the tests, past everything that is tested. Blocks, up to a minute.
#pragma once

#include <string>
#include <vector>

namespace leasehold::servers {

struct HttpCall {
    std::string method = "GET";
    std::string url;
    std::string body = {};  // none if empty
    std::vector<std::string> headers = {};
    std::string ca_file = {};
    std::string certificate_file = {};  // of the client, with key_file
    std::string key_file = {};
};

struct HttpReply {
    int status = 0;    // 0: there was no answer
    std::string body;  // or why there was none
};

HttpReply http_call(const HttpCall& call);

}  // namespace leasehold::servers
