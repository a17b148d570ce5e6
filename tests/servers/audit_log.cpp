// SPDX-License-Identifier: Apache-2.0
#include "tests/servers/audit_log.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

namespace leasehold::servers {
namespace {

using nlohmann::json;

std::string text_at(const json& object, const char* key) { return object.value(key, std::string()); }

AuditedRequest begun(const json& event) {
    AuditedRequest request;
    request.user = text_at(event.at("user"), "username");
    request.verb = text_at(event, "verb");
    request.uri = text_at(event, "requestURI");
    request.received = text_at(event, "requestReceivedTimestamp");
    if (const auto object = event.find("objectRef"); object != event.end()) {
        request.group = text_at(*object, "apiGroup");
        request.resource = text_at(*object, "resource");
        request.subresource = text_at(*object, "subresource");
        request.namespace_name = text_at(*object, "namespace");
    }
    return request;
}

void update(AuditedRequest& request, const json& event) {
    if (const auto status = event.find("responseStatus"); status != event.end()) {
        request.status = status->value("code", request.status);
    }
    // The name of what is created is known later than the rest.
    if (const auto object = event.find("objectRef"); object != event.end() && object->contains("name")) {
        request.name = text_at(*object, "name");
    }
    if (const auto body = event.find("requestObject"); body != event.end()) request.request = *body;
    if (const auto body = event.find("responseObject"); body != event.end()) request.answer = *body;
    const std::string stage = text_at(event, "stage");
    request.complete = request.complete || stage == "ResponseComplete" || stage == "Panic";
}

bool fits(const std::string& wanted, const std::string& value) { return wanted.empty() || wanted == value; }

}  // namespace

std::string audit_policy(bool bodies) {
    // The API server talks to itself; nobody counts that.
    return std::string(
               "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n"
               "  users: [\"system:apiserver\"]\n- level: ") +
           (bodies ? "RequestResponse" : "Metadata") + '\n';
}

const std::vector<AuditedRequest>& AuditLog::read() {
    std::ifstream log(path_, std::ios::binary);
    log.seekg(offset_);
    for (std::string line; std::getline(log, line) && !log.eof();) {  // the last line may not be whole yet
        offset_ += static_cast<std::streamoff>(line.size()) + 1;
        add(line);
    }
    return requests_;
}

void AuditLog::add(const std::string& line) {
    const json event = json::parse(line);
    const auto [at, is_new] = known_.try_emplace(text_at(event, "auditID"), requests_.size());
    if (is_new) requests_.push_back(begun(event));
    update(requests_[at->second], event);
}

std::vector<AuditedRequest> AuditLog::since(std::size_t mark) {
    read();
    return {requests_.begin() + static_cast<std::ptrdiff_t>(std::min(mark, requests_.size())), requests_.end()};
}

std::vector<AuditedRequest> matching(const std::vector<AuditedRequest>& requests, const AuditFilter& filter) {
    std::vector<AuditedRequest> found;
    std::copy_if(requests.begin(), requests.end(), std::back_inserter(found), [&](const AuditedRequest& request) {
        return fits(filter.user, request.user) && fits(filter.verb, request.verb) &&
               fits(filter.resource, request.resource) && fits(filter.namespace_name, request.namespace_name);
    });
    return found;
}

std::string summary(const std::vector<AuditedRequest>& requests) {
    std::map<std::string, std::size_t> counts;
    for (const AuditedRequest& request : requests) {
        ++counts[request.verb + ' ' + (request.resource.empty() ? request.uri : request.resource)];
    }
    std::string text;
    for (const auto& [what, count] : counts) {
        text += (text.empty() ? "" : ", ") + std::to_string(count) + ' ' + what;
    }
    return text.empty() ? "none" : text;
}

}  // namespace leasehold::servers
