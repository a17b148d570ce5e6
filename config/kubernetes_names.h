// SPDX-License-Identifier: Apache-2.0
//
// Which names the Kubernetes API accepts (kubernetes.io: "Object Names and IDs", "Labels and Selectors"). Pure.
#pragma once

#include <string>

namespace leasehold::config {

// What is wrong with the text, to continue a sentence that begins with it; empty if nothing is.
std::string problem_of_object_name(const std::string& text);     // a DNS subdomain (RFC 1123)
std::string problem_of_namespace_name(const std::string& text);  // a DNS label
std::string problem_of_label_key(const std::string& text);       // [prefix/]name

}  // namespace leasehold::config
