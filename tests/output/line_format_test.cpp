// SPDX-License-Identifier: Apache-2.0
#include "output/line_format.h"

#include <gtest/gtest.h>

namespace leasehold::output {
namespace {

using supervisor::OutputFormat;
using supervisor::OutputOptions;
using supervisor::OutputStream;

TEST(LineFormat, TextHasAPrefixAndItsBytesAsTheyAre) {
    const LineFormat format(OutputOptions{.format = OutputFormat::text, .prefix = "b: "}, "billing");
    std::string out;
    format.line(out, OutputStream::output, "x\xff\r", false);
    format.line(out, OutputStream::errors, "long", true);
    format.line(out, OutputStream::errors, "", false);
    format.dropped(out, OutputStream::errors, 7);
    EXPECT_EQ(out,
              "b: x\xff\r\nb: long [...]\nb: \n"
              "b: leasehold: 7 lines of stderr dropped, because nobody took them in time\n");
}

TEST(LineFormat, JsonIsAnObjectALine) {
    LineFormat format(OutputOptions{.format = OutputFormat::json, .prefix = ""}, "a\"b");
    format.set_time("T");
    std::string out;
    format.line(out, OutputStream::output, "say \"x\xff\"", false);
    format.line(out, OutputStream::errors, "long", true);
    format.dropped(out, OutputStream::output, 7);
    const std::string begin = R"({"time":"T","process":"workload","election":"a\"b","stream":)";
    EXPECT_EQ(out,
              begin + "\"stdout\",\"message\":\"say \\\"x\xef\xbf\xbd\\\"\"}\n" +  //
                  begin + R"("stderr","message":"long","partial":true})" + "\n" + begin +
                  R"("stdout","dropped":7,"message":"7 lines of stdout dropped, because nobody took them in time"})" +
                  "\n");
}

}  // namespace
}  // namespace leasehold::output
