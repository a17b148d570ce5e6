// SPDX-License-Identifier: Apache-2.0
#include "base/growing_pause.h"

#include <random>

namespace leasehold {

Duration part_of(Duration pause) { return pause * random_from(50, 100) / 100; }

int random_from(int least, int most) {
    thread_local std::minstd_rand random(std::random_device{}());
    return std::uniform_int_distribution<int>(least, most)(random);
}

}  // namespace leasehold
