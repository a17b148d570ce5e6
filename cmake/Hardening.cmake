# SPDX-License-Identifier: Apache-2.0
#
# What makes faults in the program harder to use, and its bytes the same wherever it is built. tests/ship/hardened.py
# looks at the result.
#
#   _FORTIFY_SOURCE=3         glibc's string and memory calls check the size of what they write to; needs optimisation
#   stack protector, clash    an overwritten stack, and one that was jumped over its guard page, end the process
#   cf-protection             indirect jumps end only where one is meant to (where the processor has it)
#   PIE, RELRO, now           addresses differ from start to start; what the loader has filled in is read-only from then
#                             on, all of it, because all is filled in at the start
#
# The tests' own code is compiled without optimisation, and without any of it.
include(CheckCXXCompilerFlag)
include(CheckPIESupported)
check_pie_supported()

set(leasehold_hardened_code -fstack-protector-strong -Wformat -Wformat-security
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
foreach(flag IN ITEMS -fstack-clash-protection -fcf-protection)  # not on every processor
    string(MAKE_C_IDENTIFIER has${flag} has)
    check_cxx_compiler_flag(${flag} ${has})
    if(${has})
        list(APPEND leasehold_hardened_code ${flag})
    endif()
endforeach()

# leasehold_harden(TARGET): code that is shipped. What a sanitizer looks at is not.
function(leasehold_harden target)
    get_target_property(type ${target} TYPE)
    if(type STREQUAL INTERFACE_LIBRARY OR LEASEHOLD_SANITIZE)
        return()
    endif()
    target_compile_options(${target} PRIVATE ${leasehold_hardened_code})
    set(optimised $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
    target_compile_options(${target} PRIVATE "$<${optimised}:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")
    if(type STREQUAL EXECUTABLE)
        target_link_options(${target} PRIVATE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--build-id=sha1)
    endif()
endfunction()
