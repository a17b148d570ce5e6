// SPDX-License-Identifier: Apache-2.0
#include "config/reader.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "config/expansion.h"
#include "config/http_keys.h"
#include "config/nearest.h"
#include "config/output_keys.h"
#include "config/probe_keys.h"
#include "config/quoting.h"
#include "config/restart_keys.h"
#include "config/store_rules.h"
#include "config/text.h"

namespace leasehold::config {
namespace {

using Kind = Node::Kind;

const char* name_of(Kind kind) {
    switch (kind) {
        case Kind::null: return "nothing";
        case Kind::scalar: return "a single value";
        case Kind::sequence: return "a list";
        case Kind::mapping: return "a mapping";
    }
    return "";
}

// A key as part of a path: short and on one line, whatever was written.
std::string as_path(const std::string& name) {
    constexpr std::size_t kLongest = 60;
    return name.empty() || name.size() > kLongest || has_control_character(name) ? shown(name) : name;
}

// "election.name" and "my-service" make `election: {name: my-service}`.
std::string nested(const std::string& path, const std::string& value) {
    const std::string parent = parent_of(path);
    if (parent.empty()) return path + ": " + value;
    const std::string name = path.substr(parent.size() + 1);
    return nested(parent, "{" + name + ": " + value + "}");
}

class Reader {
public:
    Reader(const Description& all, const LoadSettings& settings) : all_(all), settings_(settings) {}

    Reading read(const Node& root) {
        read_section({.example = "{election: {name: my-service}}"}, root.mark, root);
        for (const Key& key : all_.keys) {
            require(key);
            derive(key);
        }
        check_timing();
        check_rules(check(reading_.options.election));
        check_rules(check(reading_.options.workload.restart));
        check_rules(check(reading_.options.workload.output));
        check_rules(check(reading_.options.http));
        check_rules(check_probes(reading_.options.workload));
        return std::move(reading_);
    }

private:
    void found(std::optional<Mark> mark, std::string path, std::string message) {
        failed_.insert(path);
        reading_.findings.push_back({mark, std::move(path), std::move(message)});
    }

    bool refuse_tag(const Node& node, const std::string& path) {
        if (node.tag.empty()) return false;
        found(node.mark, path,
              fmt::format("has the YAML tag {}, which means nothing here; remove it", shown(node.tag)));
        return true;
    }

    // The pairs of a mapping whose keys can be used: text, and each only once.
    template <class Use>
    void for_each_pair(const Node& mapping, const std::string& path, const Use& use) {
        std::unordered_map<std::string_view, int> lines;
        for (std::size_t i = 0; i < mapping.keys.size(); ++i) {
            const Node& key = mapping.keys[i];
            if (key.kind != Kind::scalar) {
                found(key.mark, path,
                      fmt::format("{} cannot be a key; write a name, in quotes if need be", name_of(key.kind)));
            } else if (refuse_tag(key, path)) {
                continue;
            } else if (key.text == "<<") {
                found(key.mark, path, "merge keys (<<) are not supported; write the keys out");
            } else if (const auto [first, is_new] = lines.emplace(key.text, key.mark.line); !is_new) {
                found(key.mark, below(path, as_path(key.text)),
                      fmt::format("is given twice, first in line {}; remove one", first->second));
            } else {
                use(key, mapping.items[i]);
            }
        }
    }

    void read_section(const Section& section, Mark mark, const Node& node) {
        if (refuse_tag(node, section.path)) return;
        if (node.kind != Kind::mapping && node.kind != Kind::null) {
            found(node.mark, section.path,
                  fmt::format("must be a mapping, not {}{}", name_of(node.kind),
                              section.example.empty() ? "" : "; write " + section.example));
            return;
        }
        const std::vector<std::string> known = all_.children(section.path);
        std::string chosen;
        bool any = false;
        for_each_pair(node, section.path, [&](const Node& key, const Node& value) {
            any = true;
            const std::string path = below(section.path, key.text);
            if (std::find(known.begin(), known.end(), key.text) == known.end()) {
                found(key.mark, below(section.path, as_path(key.text)), unknown(key.text, known));
                return;
            }
            places_.emplace(path, key.mark);
            if (section.exactly_one && !std::exchange(chosen, key.text).empty()) {
                found(key.mark, path, fmt::format("only one of {} may be given", fmt::join(known, ", ")));
                return;
            }
            if (const Key* described = all_.key(path)) {
                read_key(*described, key.mark, value);
            } else {
                const Section& inner = *all_.section(path);
                if (inner.choose) inner.choose(reading_.options);
                read_section(inner, key.mark, value);
            }
        });
        if (section.exactly_one && !any) {
            found(mark, section.path,
                  fmt::format("must hold one of: {}; write {}, or remove the key", fmt::join(known, ", "),
                              section.example));
        }
    }

    std::string unknown(const std::string& name, const std::vector<std::string>& known) {
        if (const std::string meant = nearest(name, known); !meant.empty()) {
            return fmt::format("unknown key; did you mean {}?", meant);
        }
        for (const Key& key : all_.keys) {
            if (key.path == name) return fmt::format("unknown key; write {}", nested(name, "..."));
            if (key.path == below(parent_of(key.path), name)) {
                return fmt::format("unknown key here; did you mean {}?", key.path);
            }
        }
        return fmt::format("unknown key; known here: {}", fmt::join(known, ", "));
    }

    void read_key(const Key& key, Mark mark, const Node& node) {
        if (refuse_tag(node, key.path)) return;
        switch (key.shape) {
            case Shape::scalar: return read_scalar(key, mark, node);
            case Shape::list: return read_list(key, mark, node);
            case Shape::mapping: return read_mapping(key, node);
        }
    }

    void read_scalar(const Key& key, Mark mark, const Node& node) {
        if (node.kind == Kind::null) {
            if (!key.derive) found(mark, key.path, "has no value; write one, or remove the key");
        } else if (node.kind != Kind::scalar) {
            found(node.mark, key.path, fmt::format("must be a single value, not {}", name_of(node.kind)));
        } else {
            read_entry(key, key.path, "", node);
        }
    }

    void read_list(const Key& key, Mark mark, const Node& node) {
        if (node.kind == Kind::null) return found(mark, key.path, "has no value; write " + key.example);
        if (node.kind != Kind::sequence) {
            return found(node.mark, key.path,
                         fmt::format("must be a list, not {}; write {}", name_of(node.kind), as_list(key, node)));
        }
        if (node.items.empty() && key.need != Need::optional) {
            return found(node.mark, key.path, "is an empty list; write " + key.example);
        }
        key.clear(reading_.options);
        for (std::size_t i = 0; i < node.items.size(); ++i) {
            read_item(key, fmt::format("{}[{}]", key.path, i), "", node.mark, node.items[i]);
        }
    }

    void read_mapping(const Key& key, const Node& node) {
        key.clear(reading_.options);
        if (node.kind == Kind::null) return;
        if (node.kind != Kind::mapping) {
            return found(node.mark, key.path,
                         fmt::format("must be a mapping, not {}; write {}", name_of(node.kind), key.example));
        }
        for_each_pair(node, key.path, [&](const Node& name, const Node& value) {
            const std::string path = below(key.path, as_path(name.text));
            if (const auto valid = key.check_name(name.text); !valid) {
                found(name.mark, path, shown(name.text) + ' ' + valid.error().message);
                return;
            }
            read_item(key, path, name.text, name.mark, value);
        });
    }

    // What is not there has no place: `mark` is that of what should hold it.
    void read_item(const Key& key, const std::string& path, const std::string& name, Mark mark, const Node& node) {
        if (node.kind == Kind::null) {
            found(mark, path, "has no value; write one, or \"\" for an empty one");
        } else if (node.kind != Kind::scalar) {
            found(node.mark, path, fmt::format("must be a single value, not {}", name_of(node.kind)));
        } else if (!refuse_tag(node, path)) {
            read_entry(key, path, name, node);
        }
    }

    void read_entry(const Key& key, const std::string& path, const std::string& name, const Node& node) {
        const auto subject = [&](const std::string& text) { return key.secret ? "the value" : shown(text); };
        const auto text = expand(node.text, settings_.environment);
        if (!text) return found(node.mark, path, subject(node.text) + ' ' + text.error().message);
        if (key.shape == Shape::list && text->empty() && !node.text.empty()) {
            return found(node.mark, path,
                         subject(node.text) + " expands to nothing; remove the item, or give a default");
        }
        const auto added = key.add(reading_.options, {name, *text});
        if (added) return;
        const bool expanded = *text != node.text && !key.secret;
        const std::string origin = expanded ? fmt::format(" (from {})", shown(node.text)) : "";
        found(node.mark, path, subject(*text) + origin + ' ' + added.error().message);
    }

    // What was meant by a list written as one value: its words.
    static std::string as_list(const Key& key, const Node& node) {
        constexpr std::size_t kLongest = 100;
        constexpr std::string_view kDoubtful = "\"'\\$|&;<>*?`\n";
        const bool simple = node.kind == Kind::scalar && node.text.size() <= kLongest &&
                            node.text.find_first_of(kDoubtful) == std::string::npos;
        std::vector<std::string> words;
        std::string_view rest = simple ? std::string_view(node.text) : std::string_view();
        while (!rest.empty()) {
            const std::string_view word = rest.substr(0, rest.find(' '));
            if (!word.empty()) words.push_back(yaml_scalar(word));
            rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        }
        return words.empty() || key.secret ? key.example : fmt::format("[{}]", fmt::join(words, ", "));
    }

    void require(const Key& key) {
        const bool needed =
            key.need == Need::required || (key.need == Need::unless_on_command_line && !settings_.command_optional);
        if (!needed || places_.contains(key.path)) return;
        std::optional<Mark> mark;
        for (std::string path = key.path; !path.empty();) {
            path = parent_of(path);
            if (failed_.contains(path)) return;  // it may stand in what could not be read
            const auto place = places_.find(path);
            if (!mark && place != places_.end()) mark = place->second;
        }
        found(mark, key.path, fmt::format("is missing; write {}", nested(key.path, key.example)));
    }

    // A derived default has to pass for a value that somebody wrote.
    void derive(const Key& key) {
        if (!key.derive || !all_.in_use(key.path, reading_.options)) return;
        key.derive(reading_.options);
        for (const Entry& entry : key.entries(reading_.options)) {
            const auto added = key.add(reading_.options, entry);
            if (!added && !failed_.contains(key.path)) {
                found(std::nullopt, key.path, shown(entry.text) + " (the default) " + added.error().message);
            }
        }
    }

    // Not when a part of it could not be read: the others would be held against a default.
    void check_timing() {
        const std::string prefix = "election.";
        for (const std::string& path : failed_) {
            const bool apart = path == prefix + "name" || path.starts_with(prefix + "store");
            if (path.empty() || path == "election" || (path.starts_with(prefix) && !apart)) return;
        }
        for (const election::TimingProblem& problem : election::check(reading_.options.election.timing)) {
            const std::string path = prefix + problem.key;
            auto place = places_.find(path);
            if (place == places_.end()) place = places_.find("election");
            const auto mark = place == places_.end() ? std::nullopt : std::optional<Mark>(place->second);
            found(mark, path, problem.text);
        }
    }

    // Unless something is wrong with that key already, or with what is below it.
    void check_rules(const std::vector<RuleProblem>& problems) {
        for (const RuleProblem& problem : problems) {
            auto place = places_.find(problem.key);
            if (place == places_.end()) place = places_.find(parent_of(problem.key));
            const auto mark = place == places_.end() ? std::nullopt : std::optional<Mark>(place->second);
            const auto below_it = failed_.lower_bound(problem.key + '.');
            const bool failed = failed_.contains(problem.key) ||
                                (below_it != failed_.end() && below_it->starts_with(problem.key + '.'));
            if (!failed) found(mark, problem.key, problem.text);
        }
    }

    const Description& all_;
    const LoadSettings& settings_;
    Reading reading_;
    std::map<std::string, Mark> places_;  // of the known keys and sections that were given
    std::set<std::string> failed_;        // paths of findings
};

}  // namespace

Reading read(const Description& description, const Node& root, const LoadSettings& settings) {
    return Reader(description, settings).read(root);
}

}  // namespace leasehold::config
