# SPDX-License-Identifier: Apache-2.0
#
# Turns the page's files into a source file: cmake -D OUTPUT=... -D FOLDER=... -P embed.cmake
#
# Byte by byte, so that the same files give the same source on every machine, whatever stands in them. With the style
# and the script go their digests, as a Content-Security-Policy names what may be applied and executed (CSP3, 2.3.1).

set(alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)

# base64 of hexadecimal digits; a SHA-256 has 32 bytes, so that one pad ends it.
function(base64_of_digest hex result)
    set(text "")
    string(APPEND hex 00)
    foreach(at RANGE 0 63 6)
        string(SUBSTRING ${hex} ${at} 6 three_bytes)
        math(EXPR bits "0x${three_bytes}")
        foreach(shift IN ITEMS 18 12 6 0)
            math(EXPR index "(${bits} >> ${shift}) & 63")
            string(SUBSTRING ${alphabet} ${index} 1 digit)
            string(APPEND text ${digit})
        endforeach()
    endforeach()
    string(SUBSTRING ${text} 0 43 text)
    set(${result} "${text}=" PARENT_SCOPE)
endfunction()

set(source "// SPDX-License-Identifier: Apache-2.0\n//\n// Made of metrics/page/ by embed.cmake.\n")
string(APPEND source "#include \"metrics/page/files.h\"\n\nnamespace leasehold::metrics::page_files {\nnamespace {\n\n")
set(definitions "")
foreach(name IN ITEMS html css js)
    file(READ ${FOLDER}/status.${name} bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
    file(SHA256 ${FOLDER}/status.${name} digest)
    base64_of_digest(${digest} digest)
    string(APPEND source "constexpr char ${name}_bytes[] = {${bytes}};\n")
    string(APPEND definitions "const std::string_view ${name}(${name}_bytes, sizeof ${name}_bytes);\n"
        "const std::string_view ${name}_digest = \"sha256-${digest}\";\n")
endforeach()
string(APPEND source "\n}  // namespace\n\n${definitions}\n}  // namespace leasehold::metrics::page_files\n")
file(WRITE ${OUTPUT} "${source}")
