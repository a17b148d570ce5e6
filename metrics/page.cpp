// SPDX-License-Identifier: Apache-2.0
#include "metrics/page.h"

#include <ctime>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "metrics/page/files.h"
#include "metrics/status.h"

namespace leasehold::metrics {
namespace {

using Json = nlohmann::ordered_json;

std::string escape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string utc(double unix_seconds) {
    const auto seconds = static_cast<std::time_t>(unix_seconds);
    std::tm time{};
    if (gmtime_r(&seconds, &time) == nullptr) return {};
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &time)};
}

// "workload.pid" in the object; null when a part of the way is missing.
Json value_at(const Json& object, std::string_view path) {
    const Json* at = &object;
    while (true) {
        const std::size_t dot = path.find('.');
        if (!at->is_object()) return nullptr;
        const auto found = at->find(std::string(path.substr(0, dot)));
        if (found == at->end()) return nullptr;
        at = &*found;
        if (dot == std::string_view::npos) return *at;
        path.remove_prefix(dot + 1);
    }
}

// As the script has it: a nought counts where it says something.
bool says_nothing(const Json& value, std::string_view path) {
    if (value.is_number()) {
        const bool counts = path.ends_with("_seconds") || path.ends_with("_code") || path.ends_with("transitions");
        return !counts && value == 0;
    }
    return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
           (value.is_array() && value.empty());
}

std::string plain(const Json& value) {
    if (value.is_null()) return "–";
    return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string in_form(const Json& value, std::string_view form) {
    if (form == "seconds") return value.is_number() ? fmt::format("{:.1f} s", value.get<double>()) : "";
    if (form == "time") return value.is_number() ? utc(value.get<double>()) : "";
    if (form == "lines") {
        std::string lines;
        for (const Json& line : value) lines += (lines.empty() ? "" : "\n") + plain(line);
        return lines;
    }
    return plain(value);
}

// What the style and the words go by.
std::string_view state_of(const StatusView& view, bool locked) {
    if (locked) return view.holder_fresh ? "named" : "unknown";
    if (view.leading) return "leading";
    if (view.role == "stopping" || view.role == "releasing") return "stopping";
    return view.holder_fresh ? "standby" : "unknown";
}

std::string_view eyebrow(std::string_view state) {
    if (state == "leading") return "This candidate leads";
    if (state == "standby") return "Another candidate leads";
    if (state == "named") return "The leader is";
    return state == "stopping" ? "This candidate is giving leadership up" : "No leader is known";
}

std::string headline(const StatusView& view, std::string_view state) {
    if (view.holder_fresh && !view.holder.empty()) return view.holder;
    return state == "stopping" ? "Stopping" : "Nobody leads";
}

std::string since(const StatusView& view) {
    if (!view.holder_fresh || !view.holder_since_unix_seconds) return {};
    return "since " + utc(*view.holder_since_unix_seconds) + " UTC";
}

std::string items(const std::vector<std::string>& texts) {
    std::string list;
    for (const std::string& text : texts) list += "<li>" + escape(text) + "</li>";
    return list;
}

std::vector<std::string> notes(const StatusView& view) {
    std::vector<std::string> all;
    if (view.paused) all.emplace_back("Paused: nothing is done by itself until leasehold resume.");
    for (const std::string& hindrance : view.hindrances) all.push_back("Does not contend: " + hindrance);
    if (view.last_reload && !view.last_reload->successful) {
        all.push_back("The last reload failed: " + view.last_reload->text);
    }
    return all;
}

std::string decisions(const StatusView& view) {
    std::string list;
    for (auto entry = view.journal.rbegin(); entry != view.journal.rend(); ++entry) {
        list += fmt::format("<li><time>{}</time><span>{}</span></li>", utc(entry->unix_seconds), escape(entry->text));
    }
    return list;
}

// Of a candidate whose details are protected: what everybody may know.
StatusView open_part(const StatusView& view) {
    StatusView open;
    open.holder = view.holder;
    open.holder_fresh = view.holder_fresh;
    return open;
}

class Page {
public:
    Page(const StatusView& view, bool locked)
        : view_(view),
          locked_(locked),
          state_(state_of(view, locked)),
          object_(locked ? Json{{"holder", view.holder_fresh ? view.holder : ""}} : status_object(view)) {}

    std::string text() const {
        std::string page;
        std::string_view rest = page_files::html;
        while (true) {
            const std::size_t begin = rest.find("{{");
            page += rest.substr(0, begin);
            if (begin == std::string_view::npos) return page;
            rest.remove_prefix(begin + 2);
            const std::size_t end = rest.find("}}");
            page += filled_in(rest.substr(0, end));
            rest.remove_prefix(end + 2);
        }
    }

private:
    std::string filled_in(std::string_view name) const {
        if (name.starts_with('?')) {
            name.remove_prefix(1);
            const bool hidden = says_nothing(value_at(object_, name), name);
            return fmt::format(" data-shown=\"{}\"{}", name, hidden ? " hidden" : "");
        }
        if (auto made = made_here(name)) return *made;
        const std::size_t colon = name.find(':');
        const std::string_view form = colon == std::string_view::npos ? "" : name.substr(colon + 1);
        return escape(in_form(value_at(object_, name.substr(0, colon)), form));
    }

    std::optional<std::string> made_here(std::string_view name) const {
        if (name == "css") return std::string(page_files::css);
        if (name == "js") return std::string(page_files::js);
        if (name == "state") return std::string(state_);
        if (name == "eyebrow") return std::string(eyebrow(state_));
        if (name == "headline") return escape(headline(view_, state_));
        if (name == "title_tail") return locked_ ? std::string() : " · " + escape(view_.election);
        if (name == "since") return since(view_);
        if (name == "locked") return std::string(locked_ ? "" : " hidden");
        if (name == "unlocked") return std::string(locked_ ? " hidden" : "");
        if (name == "notes") return items(notes(view_));
        if (name == "journal") return decisions(view_);
        if (name == "last_errors") return items({view_.last_errors.rbegin(), view_.last_errors.rend()});
        return std::nullopt;
    }

    const StatusView& view_;
    const bool locked_;
    const std::string_view state_;
    const Json object_;
};

}  // namespace

std::string status_page(const StatusView& view, bool locked) {
    return locked ? Page(open_part(view), true).text() : Page(view, false).text();
}

std::string status_page_policy() {
    return fmt::format(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        page_files::css_digest, page_files::js_digest);
}

}  // namespace leasehold::metrics
