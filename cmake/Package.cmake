# SPDX-License-Identifier: Apache-2.0
#
# The Debian package: `cpack -G DEB` in a build folder that was built. What is in it and what its scripts do stands in
# deploy/debian/; cmake/StagePackage.cmake turns what `cmake --install` gives into what Debian wants. With
# SOURCE_DATE_EPOCH set the same program gives the same bytes (scripts/reproducible).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME leasehold)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The authors of Leasehold <leasehold@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "run a program on exactly one of several machines")
set(CPACK_PACKAGE_DESCRIPTION "Leasehold takes part in a leader election and runs a program while it leads.
The program need not know of it; it and everything that it has started are
gone before another machine starts it. The lock is kept in Kubernetes, etcd,
Consul, ZooKeeper or a file; metrics and status are served over HTTP.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_FILE_NAME leasehold)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/StagePackage.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/RepackDeb.cmake)
set(CPACK_LEASEHOLD_SOURCE ${CMAKE_SOURCE_DIR})
set(CPACK_VERBATIM_VARIABLES ON)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # a package of leasehold needs no tests

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_LEASEHOLD_CHANGE "leasehold (${PROJECT_VERSION}-1) unstable; urgency=medium

  * What has changed stands in changelog.gz.
")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(file IN ITEMS conffiles postinst prerm postrm)
    list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/deploy/debian/${file})
endforeach()

# Libraries that are loaded when they are needed are nothing that dpkg-shlibdeps could find. The endpoints are on unless
# somebody switches them off; the rest depends on the store, and leasehold says which package is missing.
# leasehold_package_of(VARIABLE LIBRARY): the package that LIBRARY is of here.
function(leasehold_package_of variable library)
    execute_process(COMMAND dpkg-query --search "*/${library}" OUTPUT_VARIABLE found ERROR_QUIET)
    string(REGEX MATCH "^[^:]*" package "${found}")
    set(${variable} "${package}" PARENT_SCOPE)
endfunction()
leasehold_package_of(http_server libmicrohttpd.so.12)
leasehold_package_of(http_client libcurl.so.4)
leasehold_package_of(zookeeper libzookeeper_mt.so.2)
set(CPACK_DEBIAN_PACKAGE_DEPENDS ${http_server})
string(JOIN ", " CPACK_DEBIAN_PACKAGE_RECOMMENDS ${http_client} ca-certificates)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS ${zookeeper})
include(CPack)
