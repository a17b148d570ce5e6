// SPDX-License-Identifier: Apache-2.0
//
// What differs between the two executables: leasehold that uses the libraries of the system (system_libraries.cpp), and
// the one that is a single file (linked_libraries.cpp). Which of the two is linked decides (cmake/OneFile.cmake).
#pragma once

namespace leasehold::app {

// Called once, first of all, before there are other threads.
void prepare_libraries();

}  // namespace leasehold::app
