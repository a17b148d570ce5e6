// SPDX-License-Identifier: Apache-2.0
//
// Options as YAML.
#include <string>

#include <fmt/core.h>

#include "config/description.h"
#include "config/expansion.h"
#include "config/quoting.h"

namespace leasehold::config {
namespace {

class Printer {
public:
    Printer(const Description& all, const Options& options, bool mask) : all_(all), options_(options), mask_(mask) {}

    std::string section(const std::string& path, const std::string& indent) const {
        std::string out;
        for (const std::string& name : all_.children(path)) {
            const std::string child = below(path, name);
            if (!all_.in_use(child, options_)) continue;
            const Key* key = all_.key(child);
            out += key != nullptr ? printed(*key, name, indent) : subsection(child, name, indent);
        }
        return out;
    }

private:
    std::string subsection(const std::string& path, const std::string& name, const std::string& indent) const {
        const std::string inside = section(path, indent + "  ");
        return indent + name + (inside.empty() ? ": {}\n" : ":\n" + inside);
    }

    std::string scalar(const Key& key, const std::string& text) const {
        if (mask_ && key.secret) return "\"***\"";
        const std::string doubled = doubled_dollars(text);
        return key.plain ? doubled : yaml_scalar(doubled);
    }

    std::string printed(const Key& key, const std::string& name, const std::string& indent) const {
        const std::vector<Entry> entries = key.entries(options_);
        std::string out = indent + name + ':';
        if (key.shape == Shape::scalar) {
            return entries.empty() ? "" : out + ' ' + scalar(key, entries.front().text) + '\n';
        }
        if (entries.empty()) {
            if (key.need != Need::optional) return "";  // it is missing, and an empty one would be refused
            return out + (key.shape == Shape::list ? " []\n" : " {}\n");
        }
        out += '\n';
        for (const Entry& entry : entries) {
            const std::string lead = key.shape == Shape::list ? "- " : yaml_scalar(entry.name) + ": ";
            out += fmt::format("{}  {}{}\n", indent, lead, scalar(key, entry.text));
        }
        return out;
    }

    const Description& all_;
    const Options& options_;
    bool mask_;
};

}  // namespace

std::string to_yaml(const Description& description, const Options& options, bool mask_secrets) {
    return Printer(description, options, mask_secrets).section("", "");
}

}  // namespace leasehold::config
