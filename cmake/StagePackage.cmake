# SPDX-License-Identifier: Apache-2.0
#
# Run by CPack between installation and packing. What Debian has in other places, or in other form, than
# `cmake --install`; see deploy/debian.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(from ${CPACK_LEASEHOLD_SOURCE}/deploy/debian)
set(doc ${root}/usr/share/doc/leasehold)
set(file_mode FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

file(COPY ${from}/copyright DESTINATION ${doc} ${file_mode})
file(COPY ${from}/example.yaml DESTINATION ${root}/etc/leasehold ${file_mode})
file(COPY ${from}/needrestart.conf DESTINATION ${root}/etc/needrestart/conf.d ${file_mode})
file(RENAME ${root}/etc/needrestart/conf.d/needrestart.conf ${root}/etc/needrestart/conf.d/leasehold.conf)
file(MAKE_DIRECTORY ${root}/var/lib/leasehold)
file(REMOVE ${doc}/LICENSE)  # the copyright file says where Debian has it

file(RENAME ${doc}/CHANGELOG.md ${doc}/changelog)
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC)  # or SOURCE_DATE_EPOCH
file(WRITE ${doc}/changelog.Debian "${CPACK_LEASEHOLD_CHANGE}\n -- ${CPACK_PACKAGE_CONTACT}  ${now}\n")
file(GLOB compressed ${root}/usr/share/man/man*/*.[1-8] ${doc}/changelog*)
execute_process(COMMAND gzip --best --no-name --force ${compressed} COMMAND_ERROR_IS_FATAL ANY)

# Whoever builds may have any umask.
execute_process(COMMAND find ${root} -type d -exec chmod 755 {} + COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND find ${root}/usr/share ${root}/usr/lib -type f -exec chmod 644 {} + COMMAND_ERROR_IS_FATAL ANY)
