# SPDX-License-Identifier: Apache-2.0
#
# Run by CPack at the end. Its archive of archives has the time of its making in it, whatever SOURCE_DATE_EPOCH says;
# Debian's own tool packs the same content without, and smaller.
foreach(package IN LISTS CPACK_PACKAGE_FILES)
    set(content ${package}.content)
    file(REMOVE_RECURSE ${content})
    execute_process(COMMAND dpkg-deb --raw-extract ${package} ${content} COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND dpkg-deb --root-owner-group -Zxz --build ${content} ${package} OUTPUT_QUIET
        COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE_RECURSE ${content})
endforeach()
