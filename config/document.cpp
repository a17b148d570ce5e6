// SPDX-License-Identifier: Apache-2.0
#include "config/document.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "config/text.h"

namespace leasehold::config {
namespace {

// Far above what a configuration needs. yaml-cpp recurses and gives up at 500 levels by itself; aliases multiply.
constexpr std::size_t kMaxDepth = 32;
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

constexpr const char* kSmallest = "{election: {name: my-service}, workload: {command: [/path/to/program]}}";

struct Refused {
    SyntaxError error;
};

Mark mark_of(const YAML::Mark& mark) {
    return {static_cast<std::size_t>(std::max(mark.pos, 0)), std::max(mark.line, 0) + 1};
}

[[noreturn]] void refuse(Mark mark, std::string message) { throw Refused{{mark, std::move(message)}}; }

// yaml-cpp says "?" for no tag, "!" for a quoted scalar and writes "!!name" out.
std::string tag_as_written(const std::string& tag) {
    constexpr std::string_view kStandard = "tag:yaml.org,2002:";
    if (tag.empty() || tag == "?" || tag == "!") return "";
    return tag.starts_with(kStandard) ? "!!" + tag.substr(kStandard.size()) : tag;
}

// Builds the tree from the parser's events, and stops it by an exception when there is too much of it.
class Builder : public YAML::EventHandler {
public:
    Node take() { return std::move(root_); }
    bool empty() const { return root_.kind == Node::Kind::null; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1) {
            refuse(mark_of(mark), "a second YAML document begins here; write everything as one, without a line `---`");
        }
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        spend(sizeof(Node), mark_of(mark));
        add({.kind = Node::Kind::null, .mark = mark_of(mark)}, sizeof(Node), anchor);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (first_malformed(value)) {  // yaml-cpp makes single bytes of them
            refuse(mark_of(mark), "the escapes \\N and \\_ are not supported; write \\u0085 or \\u00a0");
        }
        spend(sizeof(Node) + value.size(), mark_of(mark));
        Node node{.kind = Node::Kind::scalar, .mark = mark_of(mark), .text = value, .tag = tag_as_written(tag)};
        add(std::move(node), sizeof(Node) + value.size(), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) refuse(mark_of(mark), "this alias stands inside of what it refers to");
        spend(found->second.bytes, mark_of(mark), "the file is too large with this alias filled in");
        Node copy = found->second.node;
        copy.mark = mark_of(mark);
        add(std::move(copy), found->second.bytes, YAML::NullAnchor);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open({.kind = Node::Kind::sequence, .mark = mark_of(mark), .tag = tag_as_written(tag)}, anchor);
    }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open({.kind = Node::Kind::mapping, .mark = mark_of(mark), .tag = tag_as_written(tag)}, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapEnd() override { close(); }

private:
    struct Sized {
        Node node;
        std::size_t bytes = 0;  // what a copy costs
    };
    struct Open {
        Sized built;
        YAML::anchor_t anchor = YAML::NullAnchor;
    };

    void spend(std::size_t bytes, Mark mark, const char* problem = "there are too many values for a configuration") {
        spent_ += bytes;
        if (spent_ > kMaxBytes) refuse(mark, problem);
    }

    void open(Node node, YAML::anchor_t anchor) {
        if (open_.size() >= kMaxDepth) refuse(node.mark, fmt::format("nested deeper than {} levels", kMaxDepth));
        spend(sizeof(Node), node.mark);
        open_.push_back({{std::move(node), sizeof(Node)}, anchor});
    }

    void close() {
        Open done = std::move(open_.back());
        open_.pop_back();
        add(std::move(done.built.node), done.built.bytes, done.anchor);
    }

    void add(Node node, std::size_t bytes, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) {
            spend(bytes, node.mark);
            anchors_[anchor] = {node, bytes};
        }
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        auto& [parent, parent_bytes] = open_.back().built;
        parent_bytes += bytes;
        const bool is_key = parent.kind == Node::Kind::mapping && parent.keys.size() == parent.items.size();
        (is_key ? parent.keys : parent.items).push_back(std::move(node));
    }

    Node root_;
    int documents_ = 0;
    std::size_t spent_ = 0;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, Sized> anchors_;
};

std::string_view line_at(std::string_view text, std::size_t offset) {
    offset = std::min(offset, text.size());
    const std::size_t before = text.substr(0, offset).rfind('\n');
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    return text.substr(begin, text.find('\n', begin) - begin);
}

// yaml-cpp's own words, and for what goes wrong most often what to do about it.
std::string explained(const std::string& what, std::string_view text, std::size_t offset) {
    std::string message = "not valid YAML: " + printable(what);
    const bool in_scalar = what == YAML::ErrorMsg::EOF_IN_SCALAR || what == YAML::ErrorMsg::DOC_IN_SCALAR;
    if (in_scalar && offset >= text.size()) {
        return "not valid YAML: the file ends inside of a quoted value; is a closing quote missing?";
    }
    const std::string_view line = line_at(text, offset);
    const std::size_t dollar = line.find("${");
    if (dollar != std::string_view::npos && line.find_first_of("[{") < dollar) {
        return message + "; inside [...] or {...} a value with ${NAME} needs quotes";
    }
    if (line.find('\t') != std::string_view::npos) return message + "; indent with spaces, not with tabs";
    if (what == YAML::ErrorMsg::END_OF_MAP || what == YAML::ErrorMsg::MAP_VALUE || what == YAML::ErrorMsg::MAP_KEY) {
        return message + "; check the indentation, and quote values that hold ': '";
    }
    return message;
}

// yaml-cpp takes the end of the file for a closing quote when a line feed stands before it, but not the end of the
// document.
std::string with_end(std::string_view text) { return std::string(text) + (text.ends_with('\n') ? "...\n" : ""); }

}  // namespace

tl::expected<Node, SyntaxError> parse_document(std::string_view text) {
    Builder builder;
    try {
        std::istringstream in(with_end(text));
        YAML::Parser parser(in);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Refused& refused) {
        return tl::unexpected<SyntaxError>(refused.error);
    } catch (const YAML::Exception& error) {
        const Mark mark = mark_of(error.mark);
        return tl::unexpected<SyntaxError>({mark, explained(error.msg, text, mark.offset)});
    }
    if (builder.empty()) {
        return tl::unexpected<SyntaxError>({{}, fmt::format("the file is empty; the smallest one is {}", kSmallest)});
    }
    return builder.take();
}

}  // namespace leasehold::config
