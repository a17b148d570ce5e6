// SPDX-License-Identifier: Apache-2.0
//
// YAML as JSON, for kubeconfigs. Scalars stay texts (a password 0123 is one), except below a key "extensions", where
// they become what YAML 1.1 takes them for, because those parts are handed on. Null stays null. Tags are ignored; of a
// key that is there twice the last one counts, as in client-go. Pure. Never throws, whatever the text is.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace leasehold::stores::kubernetes {

// The first document in the text; null if there is none. Size and depth are bounded, aliases filled in included. The
// error begins with "line N: ".
Result<nlohmann::json> parse_yaml_document(const std::string& text);

}  // namespace leasehold::stores::kubernetes
