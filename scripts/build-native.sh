#!/usr/bin/env bash
# Builds llama.cpp into build/: configures when there is something new to
# configure, then runs ninja. Usage: build-native.sh TARGET...  (engine, peers,
# llama-server, …; see CMakeLists.txt)
#
# From the environment: PRESET (cpu, gfx908, cuda), LLAMA_CPP_DIR, PORTABLE
# (ON: every CPU variant), JOBS, CMAKE_ARGS (further -D options), CC, CXX.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${PRESET:-cpu}
portable=${PORTABLE:-OFF}
build=build
source_dir=$(third_party/fetch-llama.sh)

# All that decides how the build is configured. The CPU belongs to it: what was
# probed on one machine must not be used on another that shares this folder.
configuration() {
    printf 'preset %s\nsource %s\nportable %s\narguments %s\ncompilers %s %s\n' \
        "$preset" "$source_dir" "$portable" "${CMAKE_ARGS:-}" "${CC:-}" "${CXX:-}"
    printf 'cpu %s\n' "$(grep -E -m 2 '^(model name|flags|Features)' /proc/cpuinfo | cksum)"
}

# give_up LOG brings the last build back: a mistyped preset costs nothing.
give_up() {
    sed -n '/CMake Error/,$p' "$1" | head -n 40 >&2
    rm -rf "$build"
    [ ! -e "$build.previous" ] || mv "$build.previous" "$build"
    echo "configuring for preset '$preset' failed: the whole output is in $1" >&2
    exit 1
}

configure() {
    # A different configuration starts from nothing: a library left from the
    # last one would be loaded with this one's.
    rm -rf "$build.previous"
    [ ! -e "$build" ] || mv "$build" "$build.previous"
    mkdir -p "$build"
    echo "configuring llama.cpp (preset $preset)" >&2
    local args=() log
    log=$(mktemp -t ceiling-configure.XXXXXX)
    read -r -a args <<<"${CMAKE_ARGS:-}"
    cmake --preset "$preset" "-DLLAMA_CPP_SOURCE=$source_dir" "-DCEILING_PORTABLE=$portable" \
        ${args[@]+"${args[@]}"} >"$log" 2>&1 || give_up "$log"
    grep -E 'ceiling:' "$log" >&2 || true
    mv "$log" "$build/configure.log"
    configuration >"$build/configuration"
    rm -rf "$build.previous"
}

if [ ! -f "$build/build.ninja" ] || [ "$(configuration)" != "$(cat "$build/configuration" 2>/dev/null)" ]; then
    configure
fi
exec ninja -C "$build" -j "${JOBS:-$(nproc)}" "$@"
