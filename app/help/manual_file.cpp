// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "app/help/manual.h"
#include "app/help/roff.h"
#include "config/quoting.h"

namespace leasehold::app::help {
namespace {

using config::Entry;
using config::Key;
using config::Section;
using config::Shape;

constexpr const char* kName = "leasehold.yaml";

constexpr const char* kAboutTheFile =
    "The configuration of `leasehold`(1) is one file in YAML, read once at the start. It is strict: unknown and "
    "duplicate keys, values of the wrong form, missing keys and timings that cannot hold are all reported in one go, "
    "each with line and column, and nothing is started.\n\n"
    "Inside values `${NAME}` and `${NAME:-default}` become the value of an environment variable, `$$` becomes a "
    "dollar. Durations are written like `15s`, `1m30s` or `250ms`. Values that would mean something else in YAML are "
    "put in quotes: `\"027\"`.\n\n"
    "Below, `a.b` is the key `b` in the mapping `a`. All candidates of an election have the same `election` section. "
    "`leasehold check` says what the timings mean, `leasehold config` prints the file with every default filled in, "
    "`leasehold schema` prints a JSON Schema by which editors complete and check it.";

constexpr const char* kExample =
    "election:\n"
    "  name: billing\n"
    "workload:\n"
    "  command: [/usr/sbin/billingd, --foreground]\n"
    "  user: billing\n"
    "  stop: {signal: INT, grace_period: 1m}\n"
    "  restart: {policy: on-failure, give_up_after: 5, within: 5m}\n"
    "  health: {http: \"http://127.0.0.1:8080/health\", then: restart}\n"
    "http:\n"
    "  listen: [\"127.0.0.1:${HTTP_PORT:-9090}\"]";

// As it would be written in the file.
std::string as_yaml(const Key& key, const std::vector<Entry>& entries) {
    const auto scalar = [&key](const std::string& text) { return key.plain ? text : config::yaml_scalar(text); };
    if (key.shape == Shape::scalar) return entries.empty() ? "" : scalar(entries.front().text);
    std::vector<std::string> items;
    for (const Entry& entry : entries) {
        const std::string lead = key.shape == Shape::list ? "" : config::yaml_scalar(entry.name) + ": ";
        items.push_back(lead + scalar(entry.text));
    }
    const std::string all = fmt::format("{}", fmt::join(items, ", "));
    return key.shape == Shape::list ? '[' + all + ']' : '{' + all + '}';
}

void add_key(ManualPage& page, const Key& key) {
    static const config::Options defaults;
    const std::vector<Entry> entries = key.entries(defaults);
    std::string text = key.help;
    if (key.need == config::Need::required) text += " Required.";
    if (!entries.empty()) text += fmt::format(" Default: `{}`.", as_yaml(key, entries));
    if (!key.example.empty()) text += fmt::format(" Example: `{}`.", key.example);
    page.item(fmt::format("`{}` {}", key.path, key.kind), text);
}

void add_section(ManualPage& page, const config::Description& all, const Section& section) {
    page.subsection(section.path);
    page.paragraph(section.help);
    if (section.exactly_one) {
        page.paragraph(fmt::format("One of: `{}`.", fmt::join(all.children(section.path), "`, `")));
    }
}

// The keys right below the path, then what is below its sections, in the order of the description.
void add_children(ManualPage& page, const config::Description& all, const std::string& path) {
    const std::vector<std::string> names = all.children(path);
    for (const std::string& name : names) {
        if (const Key* key = all.key(config::below(path, name))) add_key(page, *key);
    }
    for (const std::string& name : names) {
        const Section* section = all.section(config::below(path, name));
        if (section == nullptr) continue;
        add_section(page, all, *section);
        add_children(page, all, section->path);
    }
}

}  // namespace

std::string file_manual(const config::Description& description, const std::string& source) {
    ManualPage page(kName, 5, source);
    page.name(kName, "configuration of leasehold");
    page.section("DESCRIPTION");
    page.paragraph(kAboutTheFile);
    page.section("KEYS");
    add_children(page, description, "");
    page.section("EXAMPLE");
    page.example(kExample);
    page.section("SEE ALSO");
    page.paragraph("`leasehold`(1)");
    return page.text();
}

}  // namespace leasehold::app::help
