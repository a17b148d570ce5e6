# SPDX-License-Identifier: Apache-2.0
#
# What the scripts have in common. To be sourced by bash; changes to the top folder of the project.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '== %s\n' "$*"; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "installing packages needs root; run 'apt-get install $missing' as root, or install sudo"
    fi
}

# quietly WHAT COMMAND...: its output is shown only when it fails.
quietly() {
    local what=$1 log status=0
    shift
    log=$(mktemp)
    "$@" </dev/null >"$log" 2>&1 || status=$?
    [ "$status" -eq 0 ] || tail -n 60 "$log" >&2
    rm -f "$log"
    [ "$status" -eq 0 ] || die "$what failed (status $status), see above"
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@"; }

# install_packages GROUP...: what scripts/packages lists for the groups, as far as it is missing. Needs no network, and
# hardly any time, when nothing is.
install_packages() {
    local group wanted=() package
    missing=""
    for group in "$@"; do
        mapfile -t -O "${#wanted[@]}" wanted < <(awk -v group="$group" '$1 == group { print $2 }' scripts/packages)
    done
    for package in "${wanted[@]}"; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true) in
            installed) ;;
            *) missing+=" $package" ;;
        esac
    done
    if [ -z "$missing" ]; then
        say "packages: all ${#wanted[@]} are installed"
        return
    fi
    say "packages: installing$missing"
    quietly "apt-get update" apt update
    # shellcheck disable=SC2086  # a list of words
    quietly "apt-get install" apt install --yes --no-install-recommends $missing
}

# What killed candidates of the tests left: empty cgroups, which nobody of their election comes to remove any more.
remove_test_cgroups() {
    local mount
    while read -r mount; do
        find "$mount" -depth -mindepth 1 -type d -path '*/leasehold-*' \
            \( -path '*/leasehold-test*' -o -path '*/leasehold-init-*' -o -path '*/leasehold-process-test-*' \) \
            -exec rmdir --ignore-fail-on-non-empty {} + 2>/dev/null || true
    done < <(findmnt --noheadings --list --types cgroup2 --output TARGET)
}

# Where what takes long to make is kept between runs.
cache=${LEASEHOLD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/leasehold}

# build PRESET TARGET...: into build/PRESET. The release build makes one-file/leasehold too if its libraries are there.
build() {
    local preset=$1 libraries=
    shift
    if [ "$preset" = release ] && scripts/libraries --check; then libraries=$cache/libraries; fi
    say "build/$preset: building $*"
    quietly "configuring $preset" cmake --preset "$preset" -D LEASEHOLD_LIBRARIES="$libraries"
    cmake --build --preset "$preset" --target "$@"
}
