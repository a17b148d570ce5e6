// SPDX-License-Identifier: Apache-2.0
//
// The page as it is served; what a browser makes of it is tested in tests/page.
#include "metrics/page.h"

#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metrics/page/files.h"

namespace leasehold::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

StatusView told() {
    StatusView view;
    view.version = "1.2.3";
    view.identity = "alpha_1";
    view.election = "billing";
    view.store = "file /var/lib/leasehold/billing.lease";
    view.role = "leader";
    view.leading = true;
    view.holder = "alpha_1";
    view.holder_fresh = true;
    view.fencing_token = 77;
    view.soft_in_seconds = 9.52;
    view.lease_left_seconds = 14.5;
    view.lease_duration_seconds = 15;
    view.holder_since_unix_seconds = 1700000000.25;
    view.workload_state = "running";
    view.workload_pid = 4321;
    view.workload_last_exit_code = 0;
    view.last_errors = {"a timeout"};
    view.journal = {{1700000000.25, "acquired: term 2"}, {1700000001.25, "started it"}};
    return view;
}

// Without style and script, and what stands between two marks.
std::string seen(const std::string& page) {
    std::string text = page.substr(0, page.find("<style>")) + page.substr(page.find("</style>"));
    return text.substr(0, text.find("<script>"));
}

TEST(StatusPage, TellsTheStateWithoutAScript) {
    const std::string page = status_page(told(), false);
    for (const char* text : {"<title>alpha_1 · billing</title>", "data-state=\"leading\"", "This candidate leads", "77",
                             "4321", "acquired: term 2", "a timeout", "since 2023-11-14 22:13:20 UTC", "14.5 s",
                             "9.5 s", "max=\"15.0\"", "value=\"14.5\"", "running", "http-equiv=\"refresh\""}) {
        EXPECT_THAT(seen(page), HasSubstr(text));
    }
    EXPECT_LT(page.find("started it"), page.find("acquired: term 2")) << "the newest comes first";
    EXPECT_THAT(page, Not(HasSubstr("{{"))) << "something was not filled in";
}

TEST(StatusPage, WhatThereIsNotIsHidden) {
    const std::string hidden_hook = "data-shown=\"workload.hook\" hidden";
    const std::string shown_code = "data-shown=\"workload.last_exit_code\">";
    EXPECT_THAT(status_page(told(), false), HasSubstr(hidden_hook));
    EXPECT_THAT(status_page(told(), false), HasSubstr(shown_code)) << "0 is an exit code";
    StatusView view = told();
    view.workload_hook = "before_stop";
    view.workload_last_exit_code.reset();
    EXPECT_THAT(status_page(view, false), Not(HasSubstr(hidden_hook)));
    EXPECT_THAT(status_page(view, false), Not(HasSubstr(shown_code)));
    EXPECT_THAT(status_page(view, false), HasSubstr("before_stop"));
}

TEST(StatusPage, EachStateIsNamed) {
    StatusView view = told();
    view.leading = false;
    view.role = "standby";
    EXPECT_THAT(status_page(view, false), HasSubstr("Another candidate leads"));
    view.holder.clear();
    view.holder_fresh = false;
    EXPECT_THAT(seen(status_page(view, false)), HasSubstr("<title>Nobody leads"));
    view.role = "stopping";
    EXPECT_THAT(seen(status_page(view, false)), HasSubstr("giving leadership up"));
    view.paused = true;
    view.hindrances = {"no store"};
    view.last_reload = LastReload{1, false, "a broken file"};
    for (const char* note : {"Paused", "Does not contend: no store", "The last reload failed: a broken file"}) {
        EXPECT_THAT(seen(status_page(view, false)), HasSubstr(note));
    }
}

TEST(StatusPage, HostileTextStaysText) {
    const std::string hostile = "</td></script><script>alert(\"1\" & '2')</script>{{js}}\x01\xff\n";
    StatusView view = told();
    view.identity = view.holder = view.election = view.store = view.workload_state = view.role = hostile;
    view.workload_status = view.health = view.readiness = view.candidacy = view.workload_hook = hostile;
    view.workload_last_output = {{hostile}};
    view.hindrances = view.last_errors = {hostile};
    view.last_reload = LastReload{1, false, hostile};
    view.journal = {{0, hostile}};
    for (const bool locked : {false, true}) {
        const std::string page = status_page(view, locked);
        EXPECT_THAT(seen(page), Not(HasSubstr("<script>alert")));
        EXPECT_THAT(page, HasSubstr("&lt;/td&gt;&lt;/script&gt;&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)"));
        std::size_t scripts = 0;
        for (std::size_t at = 0; (at = page.find("<script", at)) != std::string::npos; ++at) ++scripts;
        EXPECT_EQ(scripts, 1U);
    }
}

TEST(StatusPage, ALockedOneNamesTheHolderAlone) {
    const std::string page = status_page(told(), true);
    EXPECT_THAT(seen(page), HasSubstr("<title>alpha_1</title>"));
    EXPECT_THAT(seen(page), HasSubstr("id=\"locked\" class=\"card locked\">"));
    for (const char* secret : {"billing", "4321", "acquired", "a timeout", "14.5", "/var/lib", "1.2.3", "22:13"}) {
        EXPECT_THAT(seen(page), Not(HasSubstr(secret)));
    }
}

TEST(StatusPage, NeedsNothingFromOutside) {
    const std::string page = status_page(told(), false);
    for (const char* outside : {"http://", "https://", "src=", "@import", "url(", "//cdn"}) {
        EXPECT_THAT(page, Not(HasSubstr(outside)));
    }
    EXPECT_FALSE(std::regex_search(page, std::regex("\\son[a-z]+="))) << "the policy would not let it be executed";
    EXPECT_FALSE(std::regex_search(page, std::regex("\\sstyle=")));
    EXPECT_THAT(page, HasSubstr("<style>" + std::string(page_files::css) + "</style>"));
    EXPECT_THAT(page, HasSubstr("<script>" + std::string(page_files::js) + "</script>"));
    EXPECT_THAT(status_page_policy(), HasSubstr("default-src 'none'"));
    EXPECT_THAT(status_page_policy(), Not(HasSubstr("unsafe")));
}

// Whatever is asked from the script is set as text: there is no way in it to make elements out of data.
TEST(StatusPage, TheScriptOnlyEverSetsText) {
    for (const char* risky :
         {"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "DOMParser", "href"}) {
        EXPECT_THAT(std::string(page_files::js), Not(HasSubstr(risky)));
    }
}

}  // namespace
}  // namespace leasehold::metrics
