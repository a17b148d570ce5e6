# SPDX-License-Identifier: Apache-2.0
#
# The tests that also run with sanitizers, one program after the other: `sanitizable_tests` builds them in any build
# folder. The release build's ctest runs those of build/asan and build/tsan as well, so that one run and one summary
# tell everything; where they were not built (scripts/test does it) they are skipped.
# Both are unity builds (CMakePresets.json), which take a third of the time; the release build is not.
# ThreadSanitizer only sees what threads share: there the rooms that have some, and what they rest on.
set(sanitized_asan base core stores http kubernetes etcd consul zookeeper supervisor output metrics config app help sim)
set(sanitized_tsan base core stores http zookeeper sim)
set(sanitizable ${sanitized_asan})
if(LEASEHOLD_SANITIZE STREQUAL "thread")
    set(sanitizable ${sanitized_tsan})
endif()

add_custom_target(sanitizable_tests)
add_dependencies(sanitizable_tests leasehold_sim)
foreach(room IN LISTS sanitizable)
    if(TARGET ${room}_test)
        add_dependencies(sanitizable_tests ${room}_test)
    endif()
endforeach()

# leasehold_sanitized(PRESET NAME PROGRAM ARGUMENTS...)
function(leasehold_sanitized preset name program)
    add_test(NAME ${preset}.${name} COMMAND sh -c
        "test -x \"$0\" || { echo \"$0 was not built\"; exit 77; }; exec \"$0\" \"$@\""
        ${CMAKE_SOURCE_DIR}/build/${preset}/tests/${program} ${ARGN})
    set_tests_properties(${preset}.${name} PROPERTIES LABELS "sanitizer;slow" TIMEOUT 600 SKIP_RETURN_CODE 77
        ENVIRONMENT "UBSAN_OPTIONS=print_stacktrace=1;TSAN_OPTIONS=halt_on_error=1")
endfunction()

# That the checkers of the simulation catch broken candidates needs no sanitizer, and takes minutes with one.
set(arguments_of_sim --gtest_filter=-*NegativeControl*)

if(NOT LEASEHOLD_SANITIZE)
    foreach(preset IN ITEMS asan tsan)
        foreach(room IN LISTS sanitized_${preset})
            if(TARGET ${room}_test)
                leasehold_sanitized(${preset} ${room} ${room}_test ${arguments_of_${room}})
            endif()
        endforeach()
        leasehold_sanitized(${preset} sim.elections leasehold_sim --elections 10000)
    endforeach()
endif()
