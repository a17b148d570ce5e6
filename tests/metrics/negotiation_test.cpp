// SPDX-License-Identifier: Apache-2.0
#include "metrics/negotiation.h"

#include <string>

#include <gtest/gtest.h>
#include <zlib.h>

#include "metrics/compression.h"

namespace leasehold::metrics {
namespace {

TEST(Accept, PagesAreForThoseWhoPreferThem) {
    for (const char* browser :
         {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "text/html",
          "text/html, application/xhtml+xml, */*", "TEXT/HTML;level=1;q=0.3", "text/*", "*/*;q=0.1 , text/html;q=0.2",
          "application/json;q=0.5, text/html;q=0.501", "application/*, text/html", "text/html;q=1.000,*/*;q=0"}) {
        EXPECT_TRUE(prefers_html(browser)) << browser;
    }
    for (const char* program :
         {"", "*/*", "application/json", "application/json, text/plain, */*", "text/html;q=0", "text/html;q=0.0, */*",
          "application/json, text/html", "text/html;q=0.5, application/json", "text/html;q=0.8, */*", "text/htmlx",
          "x-text/html", "text/plain", ";q=1", ",,,", "text/html;q=2", "text/html;q=0.12345",
          "text/html;q=", "=,;,=", "*"}) {
        EXPECT_FALSE(prefers_html(program)) << program;
    }
}

TEST(AcceptEncoding, GzipIsForThoseWhoAskForIt) {
    for (const char* yes : {"gzip", "gzip, deflate, br", "GZIP;q=0.1", "x-gzip", "*", "br, *;q=0.5",
                            "deflate,gzip ; q=1", "gzip;q=0.5, identity;q=0.5"}) {
        EXPECT_TRUE(accepts_gzip(yes)) << yes;
    }
    for (const char* no : {"", "identity", "deflate, br", "gzip;q=0", "gzip;q=0.000, *", "*;q=0", "gzipped",
                           "gzip;q=0.5, identity", "gzip;q=x"}) {
        EXPECT_FALSE(accepts_gzip(no)) << no;
    }
}

TEST(Bearer, OnlyTheWholeTokenCounts) {
    EXPECT_TRUE(bears("Bearer s3cret", "s3cret"));
    EXPECT_TRUE(bears("bearer  s3cret ", "s3cret"));
    for (const char* other :
         {"", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3crets", "Bearer S3cret", "Basic s3cret", "s3cret",
          "Bearers3cret", "Bearer s3crets3cret", "Bearer x, Bearer s3cret"}) {
        EXPECT_FALSE(bears(other, "s3cret")) << other;
    }
}

std::string unpacked(const std::string& packed) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    std::string text(4 << 20, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(text.data());
    stream.avail_out = static_cast<uInt>(text.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    text.resize(stream.total_out);
    EXPECT_EQ(inflateEnd(&stream), Z_OK);
    return text;
}

TEST(Gzip, IsReadBackAsItWas) {
    std::string noise;
    for (unsigned i = 0, x = 1; i < 300'000; ++i) noise += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
    for (const std::string& text : {std::string(), std::string("a"), std::string(1 << 20, 'x'), noise}) {
        const auto packed = gzip(text);
        ASSERT_TRUE(packed);
        EXPECT_TRUE(unpacked(*packed) == text) << text.size();
    }
    EXPECT_LT(gzip(std::string(1 << 20, 'x'))->size(), 10'000U);
}

}  // namespace
}  // namespace leasehold::metrics
