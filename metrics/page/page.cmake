# SPDX-License-Identifier: Apache-2.0
#
# The status page stands in the program as a source file that is made of the files here.
set(page_source ${CMAKE_BINARY_DIR}/generated/status_page_files.cpp)
set(page_folder ${CMAKE_SOURCE_DIR}/metrics/page)
add_custom_command(OUTPUT ${page_source}
    COMMAND ${CMAKE_COMMAND} -D OUTPUT=${page_source} -D FOLDER=${page_folder} -P ${page_folder}/embed.cmake
    DEPENDS ${page_folder}/embed.cmake ${page_folder}/status.html ${page_folder}/status.css ${page_folder}/status.js
    COMMENT "Embedding the status page" VERBATIM)
target_sources(leasehold_metrics PRIVATE ${page_source})
add_custom_target(leasehold_page DEPENDS ${page_source})  # for targets of other folders
