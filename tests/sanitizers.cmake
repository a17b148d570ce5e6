# SPDX-License-Identifier: Apache-2.0
#
# The tests that also run with sanitizers, one program after the other: `sanitizable_tests` builds them in any build
# folder. The release build's ctest runs those of build/asan and build/tsan as well, so that one run and one summary
# tell everything; where they were not built (scripts/test does it) they are skipped.
set(sanitizable base core stores supervisor metrics config sim)

add_custom_target(sanitizable_tests)
foreach(room IN LISTS sanitizable)
    if(TARGET ${room}_test)
        add_dependencies(sanitizable_tests ${room}_test)
    endif()
endforeach()

# leasehold_sanitized(PRESET OPTIONS...): OPTIONS are environment variables.
function(leasehold_sanitized preset)
    foreach(room IN LISTS sanitizable)
        if(NOT TARGET ${room}_test)
            continue()
        endif()
        set(program ${CMAKE_SOURCE_DIR}/build/${preset}/tests/${room}_test)
        add_test(NAME ${preset}.${room} COMMAND ${CMAKE_COMMAND} -E env ${ARGN}
            sh -c "test -x \"$0\" || { echo \"$0 was not built\"; exit 77; }; exec \"$0\"" ${program})
        set_tests_properties(${preset}.${room} PROPERTIES LABELS "sanitizer;slow" TIMEOUT 600 SKIP_RETURN_CODE 77)
    endforeach()
endfunction()

if(NOT LEASEHOLD_SANITIZE)
    leasehold_sanitized(asan UBSAN_OPTIONS=print_stacktrace=1)
    leasehold_sanitized(tsan TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1)
endif()
