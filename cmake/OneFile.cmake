# SPDX-License-Identifier: Apache-2.0
#
# What leasehold is linked with: libraries of the system, or, for the executable that is one file and needs nothing of
# the system (cmake/OneFile.cmake's leasehold_one_file), archives. Both are made of the same objects.
#
# LEASEHOLD_LIBRARIES is the folder that scripts/libraries makes; without one there is no such executable.
set(LEASEHOLD_LIBRARIES "" CACHE PATH "What scripts/libraries made: with it, one-file/leasehold is made too")

# leasehold_linked_with(NAME SYSTEM ARCHIVE): a target leasehold_lib_NAME. Which of the two it stands for is for the
# executable to say, by its property LEASEHOLD_ONE_FILE.
function(leasehold_linked_with name system archive)
    add_library(leasehold_lib_${name} INTERFACE)
    target_link_libraries(leasehold_lib_${name} INTERFACE
        $<IF:$<BOOL:$<TARGET_PROPERTY:LEASEHOLD_ONE_FILE>>,${archive},${system}>)
endfunction()

leasehold_linked_with(fmt fmt::fmt ${LEASEHOLD_LIBRARIES}/lib/libfmt.a)
leasehold_linked_with(prometheus prometheus-cpp::core ${LEASEHOLD_LIBRARIES}/lib/libprometheus-cpp-core.a)
leasehold_linked_with(yaml PkgConfig::YAMLCPP libyaml-cpp.a)
leasehold_linked_with(zlib ZLIB::ZLIB libz.a)

# leasehold_one_file(NAME SOURCES...): the executable one-file/leasehold.
function(leasehold_one_file name)
    add_executable(${name} ${ARGN})
    set_target_properties(${name} PROPERTIES LEASEHOLD_ONE_FILE ON LINK_SEARCH_START_STATIC ON LINK_SEARCH_END_STATIC ON
        OUTPUT_NAME leasehold
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/one-file)
    # Else CMake would say -pie too, which means one that the system's loader puts together.
    set_property(TARGET ${name} PROPERTY POSITION_INDEPENDENT_CODE)
    target_compile_options(${name} PRIVATE -fPIE)
    target_include_directories(${name} SYSTEM PRIVATE ${CURL_INCLUDE_DIRS} ${MICROHTTPD_INCLUDE_DIRS})
    set(made ${LEASEHOLD_LIBRARIES}/lib)
    target_link_libraries(${name} PRIVATE leasehold_app ${made}/libcurl.a libssl.a libcrypto.a ${made}/libmicrohttpd.a
        ${made}/libgnutls.a libhogweed.a libnettle.a libgmp.a libtasn1.a libzookeeper_mt.a)
    target_link_options(${name} PRIVATE -static-pie -Wl,--gc-sections -Wl,-z,pack-relative-relocs)
endfunction()
