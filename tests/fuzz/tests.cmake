# SPDX-License-Identifier: Apache-2.0
#
# Every fuzzer of build/fuzz for ten seconds, among the release build's tests; scripts/test builds them (preset fuzz).
# Which ones there are: as many as there are corpora.
if(NOT LEASEHOLD_SANITIZE)
    file(GLOB fuzz_corpora CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/corpus/*)
    foreach(corpus IN LISTS fuzz_corpora)
        cmake_path(GET corpus FILENAME name)
        set(script run)
        set(seconds 10)
        if(name STREQUAL planted)  # ends as soon as each is found: after seconds, on a machine that is free
            set(script planted_test)
            set(seconds 60)
        endif()
        add_test(NAME fuzz.${name} COMMAND
            ${CMAKE_CURRENT_LIST_DIR}/${script}.sh ${CMAKE_SOURCE_DIR}/build/fuzz/fuzz_${name} ${corpus} ${seconds})
        # Ten seconds are when it stops to begin with new inputs; the corpus comes first, however long that takes.
        set_tests_properties(fuzz.${name} PROPERTIES LABELS "fuzz;slow" TIMEOUT 300 SKIP_RETURN_CODE 77)
    endforeach()
endif()
