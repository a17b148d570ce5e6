# SPDX-License-Identifier: Apache-2.0
#
# For the scripts here that fetch packages for the tests without installing them. To be sourced after scripts/lib.sh, by
# a script that has set `work` to a folder of its own: apt then works in $work/apt, with sources made from those of this
# machine, and nothing else on the machine changes.

# make_work WHAT: waits until no other run makes the same, and sets `work` to a new folder that is gone at the end.
make_work() {
    local what=$1
    mkdir -p "$cache"
    exec {lock}>"$cache/$what.lock"
    if ! flock --nonblock "$lock"; then
        say "$what: another run is making it; waiting for that"
        flock "$lock"
    fi
    rm -rf "$cache/$what"-build.*  # of a run that was killed: we have the lock
    work=$(mktemp -d "$cache/$what-build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"  # apt fetches as a user of its own
}

# set_up_apt LINES STANZAS: two programs of awk, which are given each source that is switched on, as a line ("deb ...")
# or as a paragraph of fields ("Types: deb\n..."), and print what is to be used.
set_up_apt() {
    local list='' parts='' file
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
    mkdir -p "$work/apt/parts" "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    for file in "$list" "$parts"/*.list; do
        [ -f "$file" ] || continue
        awk "/^[[:space:]]*deb[[:space:]]/ { $1 }" "$file" >"$work/apt/parts/${file##*/}"
    done
    for file in "$parts"/*.sources; do
        [ -f "$file" ] || continue
        grep -v '^#' "$file" | awk -v RS= -v ORS='\n\n' "$2" >"$work/apt/parts/${file##*/}"
    done
    quietly "apt-get update" our_apt update
}

our_apt() {
    apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/apt/parts" \
        -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" "$@"
}

# publish_link NAME FOLDER: $cache/NAME leads to FOLDER beside it from now on, at once for everybody.
publish_link() {
    ln -sfn "$2" "$work/link"
    mv -fT "$work/link" "$cache/$1"
}
