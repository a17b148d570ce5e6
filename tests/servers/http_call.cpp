// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/http_call.h"

#include <memory>
#include <utility>

#include <curl/curl.h>

namespace leasehold::servers {
namespace {

std::size_t append(char* data, std::size_t size, std::size_t count, void* body) {
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

}  // namespace

HttpReply http_call(const HttpCall& call) {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(), curl_easy_cleanup);
    curl_slist* headers = nullptr;
    for (const std::string& line : call.headers) headers = curl_slist_append(headers, line.c_str());
    std::string received;
    curl_easy_setopt(easy.get(), CURLOPT_URL, call.url.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_CUSTOMREQUEST, call.method.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers);
    if (!call.ca_file.empty()) curl_easy_setopt(easy.get(), CURLOPT_CAINFO, call.ca_file.c_str());
    if (!call.certificate_file.empty()) {
        curl_easy_setopt(easy.get(), CURLOPT_SSLCERT, call.certificate_file.c_str());
        curl_easy_setopt(easy.get(), CURLOPT_SSLKEY, call.key_file.c_str());
    }
    curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &received);
    if (!call.body.empty()) {
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, call.body.c_str());
        curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(call.body.size()));
    }
    const CURLcode result = curl_easy_perform(easy.get());
    curl_slist_free_all(headers);
    if (result != CURLE_OK) return {.status = 0, .body = curl_easy_strerror(result)};
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    return {.status = static_cast<int>(status), .body = std::move(received)};
}

}  // namespace leasehold::servers
