// SPDX-License-Identifier: Apache-2.0
//
// One easy handle of libcurl, with the types that curl_easy_setopt(3) and curl_easy_getinfo(3) do not check.
//
// Threads: the loop's. Ownership: the texts and blobs that options point to must live as long as libcurl says.
#pragma once

#include <string>
#include <type_traits>

#include "election/stores/http/curl_library.h"

namespace leasehold::stores::http {

class Easy {
public:
    explicit Easy(const CurlLibrary& library) : library_(library), handle_(library.easy_init()) {
        if (handle_ == nullptr) problem_ = CURLE_OUT_OF_MEMORY;
    }
    ~Easy() {
        if (handle_ != nullptr) library_.easy_cleanup(handle_);
        if (headers_ != nullptr) library_.slist_free_all(headers_);
        if (targets_ != nullptr) library_.slist_free_all(targets_);
    }
    Easy(const Easy&) = delete;
    Easy& operator=(const Easy&) = delete;

    CURL* handle() const { return handle_; }
    const CurlLibrary& library() const { return library_; }

    // What went wrong first, of all that was set.
    CURLcode problem() const { return problem_; }

    // The number of an option says which type its value has (curl/curl.h, CURLOPTTYPE_*).
    template <CURLoption option, class Value>
    void set(Value value) {
        constexpr int kType = static_cast<int>(option) / 10000 * 10000;
        if constexpr (kType == CURLOPTTYPE_LONG) {
            static_assert(std::is_same_v<Value, long>);
        } else if constexpr (kType == CURLOPTTYPE_OFF_T) {
            static_assert(std::is_same_v<Value, curl_off_t>);
        } else if constexpr (kType == CURLOPTTYPE_FUNCTIONPOINT) {
            static_assert(std::is_function_v<std::remove_pointer_t<Value>>);
        } else if constexpr (kType == CURLOPTTYPE_BLOB) {
            static_assert(std::is_same_v<Value, curl_blob*>);
        } else {
            static_assert(kType == CURLOPTTYPE_OBJECTPOINT && std::is_pointer_v<Value>);
        }
        if (problem_ == CURLE_OK) problem_ = library_.easy_setopt(handle_, option, value);
    }

    // Texts are copied by libcurl. Null: the option's default, or none.
    template <CURLoption option>
    void set_text(const char* text) {
        set<option>(text);
    }
    template <CURLoption option>
    void set_text(const std::string& text) {
        set<option>(text.c_str());
    }

    // `pem` must outlive the handle; it is not copied.
    template <CURLoption option>
    void set_pem(const std::string& pem) {
        curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_NOCOPY};
        set<option>(&blob);
    }

    void add_header(const std::string& line) { append(headers_, line); }
    void use_headers() { set<CURLOPT_HTTPHEADER>(headers_); }
    void connect_to(const std::string& rule) {
        append(targets_, rule);
        set<CURLOPT_CONNECT_TO>(targets_);
    }

    template <CURLINFO info, class Value>
    Value get(Value otherwise) const {
        constexpr int kType = static_cast<int>(info) & CURLINFO_TYPEMASK;
        static_assert((kType == CURLINFO_LONG && std::is_same_v<Value, long>) ||
                      (kType == CURLINFO_OFF_T && std::is_same_v<Value, curl_off_t>) ||
                      (kType == CURLINFO_STRING && std::is_same_v<Value, const char*>) ||
                      (kType == CURLINFO_PTR && std::is_pointer_v<Value>));
        Value value{};
        return library_.easy_getinfo(handle_, info, &value) == CURLE_OK ? value : otherwise;
    }

private:
    void append(curl_slist*& list, const std::string& line) {
        curl_slist* longer = library_.slist_append(list, line.c_str());
        if (longer != nullptr) {
            list = longer;
        } else if (problem_ == CURLE_OK) {
            problem_ = CURLE_OUT_OF_MEMORY;
        }
    }

    const CurlLibrary& library_;
    CURL* handle_;
    CURLcode problem_ = CURLE_OK;
    curl_slist* headers_ = nullptr;
    curl_slist* targets_ = nullptr;
};

}  // namespace leasehold::stores::http
