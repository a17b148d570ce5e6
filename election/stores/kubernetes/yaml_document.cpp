// SPDX-License-Identifier: Apache-2.0
#include "election/stores/kubernetes/yaml_document.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "election/stores/secret_text.h"

namespace leasehold::stores::kubernetes {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostDepth = 64;
constexpr std::size_t kMostBytes = std::size_t{16} << 20;
constexpr std::size_t kBytesOfNode = 64;  // what a value costs besides its text, roughly

struct Refused {
    int line;
    std::string message;
};

// What YAML 1.1 takes a plain scalar for.
Json resolved(const std::string& text) {
    for (const char* yes : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) {
        if (text == yes) return true;
    }
    for (const char* no : {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}) {
        if (text == no) return false;
    }
    const char* const end = text.data() + text.size();
    if (std::int64_t number = 0; std::from_chars(text.data(), end, number).ptr == end && !text.empty()) return number;
    const bool like_a_number = !text.empty() && text.find_first_not_of("+-.0123456789eE") == std::string::npos;
    if (double number = 0; like_a_number && std::from_chars(text.data(), end, number).ptr == end) return number;
    return text;
}

class JsonBuilder : public YAML::EventHandler {
public:
    Json take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(nullptr, kBytesOfNode, mark, anchor); }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        const bool plain = tag.empty() || tag == "?";
        const bool hands_on = !open_.empty() && open_.back().hands_on && !expects_key();
        add(plain && hands_on ? resolved(value) : Json(value), kBytesOfNode + value.size(), mark, anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) throw Refused{mark.line, "this alias stands inside of what it refers to"};
        spend(found->second.second, mark);  // before the copy is made
        add(found->second.first, 0, mark, YAML::NullAnchor);
        if (!open_.empty()) open_.back().bytes += found->second.second;
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Json::array(), mark, anchor);
    }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Json::object(), mark, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapEnd() override { close(); }

private:
    struct Open {
        Json value;
        YAML::Mark mark;
        YAML::anchor_t anchor;
        bool hands_on;
        std::string key{};  // of a mapping: for the next value
        bool has_key = false;
        std::size_t bytes = 0;  // what a copy costs
    };

    bool expects_key() const { return open_.back().value.is_object() && !open_.back().has_key; }

    void spend(std::size_t bytes, const YAML::Mark& mark) {
        spent_ += bytes;
        if (spent_ > kMostBytes) throw Refused{mark.line, "there is too much in this file, with its aliases filled in"};
    }

    void open(Json value, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (open_.size() >= kMostDepth) throw Refused{mark.line, "nested too deep"};
        if (!open_.empty() && expects_key()) throw Refused{mark.line, "a key must be a text"};
        const bool hands_on = !open_.empty() && (open_.back().hands_on || open_.back().key == "extensions");
        open_.push_back({std::move(value), mark, anchor, hands_on});
    }

    void close() {
        Open done = std::move(open_.back());
        open_.pop_back();
        add(std::move(done.value), done.bytes + kBytesOfNode, done.mark, done.anchor, kBytesOfNode);
    }

    // `bytes` is what a copy costs, of which `unpaid` has not been spent yet.
    void add(Json value, std::size_t bytes, const YAML::Mark& mark, YAML::anchor_t anchor, std::size_t unpaid) {
        spend(unpaid, mark);
        if (anchor != YAML::NullAnchor) {
            spend(bytes, mark);
            anchors_[anchor] = {value, bytes};
        }
        if (open_.empty()) {
            root_ = std::move(value);
            return;
        }
        Open& parent = open_.back();
        parent.bytes += bytes;
        if (parent.value.is_array()) {
            parent.value.push_back(std::move(value));
        } else if (!parent.has_key) {
            if (!value.is_string()) throw Refused{mark.line, "a key must be a text"};
            parent.key = value.get<std::string>();
            parent.has_key = true;
        } else {
            parent.value[parent.key] = std::move(value);
            parent.key.clear();
            parent.has_key = false;
        }
    }
    void add(Json value, std::size_t bytes, const YAML::Mark& mark, YAML::anchor_t anchor) {
        add(std::move(value), bytes, mark, anchor, bytes);
    }

    Json root_;
    std::size_t spent_ = 0;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, std::pair<Json, std::size_t>> anchors_;
};

Result<Json> refused(int line, const std::string& message) {
    return failure("line " + std::to_string(std::max(line, 0) + 1) + ": " + message);
}

}  // namespace

Result<Json> parse_yaml_document(const std::string& text) {
    JsonBuilder builder;
    try {
        // yaml-cpp takes the end of the file for a closing quote, but not the end of the document.
        std::istringstream in(text + (text.ends_with('\n') ? "...\n" : ""));
        YAML::Parser parser(in);
        parser.HandleNextDocument(builder);
    } catch (const Refused& stop) {
        return refused(stop.line, stop.message);
    } catch (const YAML::Exception& error) {
        return refused(error.mark.line, "not valid YAML: " + shown(error.msg));  // fixed words of the library
    } catch (const std::exception&) {  // out of the library's own parsing of escapes and numbers
        return failure("line 1: not valid YAML");
    }
    return builder.take();
}

}  // namespace leasehold::stores::kubernetes
