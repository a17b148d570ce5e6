// SPDX-License-Identifier: Apache-2.0
//
// How long to wait before something is tried again: the longer the more often it was in vain, and not all at once. No
// clock.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace leasehold {

// `first`, then twice as long each time, up to `most`.
class GrowingPause {
public:
    constexpr GrowingPause(Duration first, Duration most) : first_(first), most_(most) {}

    constexpr Duration next() { return last_ = std::clamp(last_ * 2, first_, most_); }

    // The next is twice as long as somebody asks for, or longer, so that part_of() it is long enough; up to `most`.
    constexpr void at_least(Duration asked) { last_ = std::max(last_, std::min(asked, most_)); }

    // From the beginning again, because it has worked.
    constexpr void reset() { last_ = Duration::zero(); }

private:
    Duration first_;
    Duration most_;
    Duration last_{};
};

// At random, so that many do not come back at once. Both may be called from any thread.
Duration part_of(Duration pause);      // half of it to the whole
int random_from(int least, int most);  // each as likely, both included

}  // namespace leasehold
