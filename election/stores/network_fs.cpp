// SPDX-License-Identifier: Apache-2.0
#include "election/stores/network_fs.h"

#include <array>

namespace leasehold::stores {
namespace {

struct Kind {
    std::uint32_t type;
    std::string_view name;
};

// Magic numbers as the kernel's own sources have them; linux/magic.h lists only some.
constexpr std::array kNetworkKinds{
    Kind{0x6969, "NFS"},        Kind{0x517B, "SMB"},          Kind{0xFF534D42, "CIFS"},  Kind{0xFE534D42, "SMB2"},
    Kind{0x01021997, "9p"},     Kind{0x5346414F, "AFS"},      Kind{0x6B414653, "kAFS"},  Kind{0x73757245, "Coda"},
    Kind{0x00C36400, "Ceph"},   Kind{0x01161970, "GFS2"},     Kind{0x7461636F, "OCFS2"}, Kind{0x0BD00BD0, "Lustre"},
    Kind{0x65735546, "FUSE"},   Kind{0x564C, "NCP"},          Kind{0x47504653, "GPFS"},  Kind{0x19830326, "BeeGFS"},
    Kind{0xAAD7AAEA, "PanFS"},  Kind{0x20030528, "OrangeFS"}, Kind{0xBEEFDEAD, "SNFS"},  Kind{0x786F4256, "vboxsf"},
    Kind{0xBACBACBC, "vmhgfs"},
};

}  // namespace

std::optional<std::string_view> network_file_system(std::uint64_t type) {
    // f_type is signed on some architectures: only the low 32 bits say anything.
    const auto low = static_cast<std::uint32_t>(type);
    for (const Kind& kind : kNetworkKinds) {
        if (kind.type == low) return kind.name;
    }
    return std::nullopt;
}

}  // namespace leasehold::stores
