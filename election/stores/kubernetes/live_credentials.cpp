// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/live_credentials.h"

#include "election/stores/secret_text.h"

namespace leasehold::stores::kubernetes {
namespace {

// Go's net/http, and so client-go, lets a socks5 proxy look up the name; curl does so for socks5h only.
std::string as_curl_writes_it(const std::string& proxy_url) {
    constexpr std::string_view kSocks = "socks5://";
    return proxy_url.starts_with(kSocks) ? "socks5h://" + proxy_url.substr(kSocks.size()) : proxy_url;
}

}  // namespace

LiveCredentials::Part::Part(const TextOrFile& from, WatchedFile::Accept accept) : text_(from.text) {
    if (!from.file.empty()) file_.emplace(from.file, std::move(accept));
}

void LiveCredentials::Part::check(bool whatever) {
    if (file_) file_->check(whatever);
}

const std::string& LiveCredentials::Part::text() const { return file_ && file_->value() ? *file_->value() : text_; }

std::string LiveCredentials::Part::problem() const {
    if (!file_ || file_->problem().empty() || text().empty()) return file_ ? file_->problem() : "";
    return file_->problem() +
           (file_->value() ? "; what it held before stays in use" : "; the kubeconfig's text is used");
}

LiveCredentials::LiveCredentials(ClusterTarget target)
    : target_(std::move(target)),
      ca_(target_.ca, accept_certificates),
      token_(target_.token, accept_token),
      certificate_(target_.certificate, accept_certificates),
      key_(target_.key, accept_private_key) {}

Result<std::unique_ptr<LiveCredentials>> LiveCredentials::open(ClusterTarget target) {
    std::unique_ptr<LiveCredentials> live(new LiveCredentials(std::move(target)));
    live->check(false);
    for (const Part* part : {&live->ca_, &live->token_, &live->certificate_, &live->key_}) {
        if (part->text().empty() && !part->problem().empty()) return failure(part->problem());
    }
    return live;
}

void LiveCredentials::check(bool whatever) {
    for (Part* part : {&ca_, &token_, &certificate_, &key_}) part->check(whatever);
}

http::Peer LiveCredentials::peer() const {
    http::Peer peer;
    peer.base_url = target_.server;
    peer.ca_pem = ca_.text();
    peer.certificate_pem = certificate_.text();
    peer.key_pem = key_.text();
    peer.verify = target_.verify;
    peer.server_name = target_.server_name;
    peer.proxy_url = as_curl_writes_it(target_.proxy_url);
    return peer;
}

std::string LiveCredentials::authorization() const {
    if (!token_.text().empty()) return "Bearer " + token_.text();
    if (!target_.basic.empty()) return "Basic " + encode_base64(target_.basic);
    return "";
}

std::string LiveCredentials::problem() const {
    std::string all;
    for (const Part* part : {&ca_, &token_, &certificate_, &key_}) {
        const std::string one = part->problem();
        if (!one.empty()) all += (all.empty() ? "" : "; ") + one;
    }
    return all;
}

}  // namespace leasehold::stores::kubernetes
