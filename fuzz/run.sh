#!/bin/sh
# A minute of each fuzz target, or as many seconds as the first argument says; the second names a
# target. Extractors' test data are what it begins with.
set -eu
cd "$(dirname "$0")"
seconds="${1:-60}"
if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    echo "fuzz: needs a nightly toolchain and cargo-fuzz (rustup toolchain install nightly; cargo install cargo-fuzz)" >&2
    exit 2
fi
extractors=../scanner/extract/src

# Where a target's seeds are.
seeds() {
    case "$1" in
        binary | java | node | python) find "$extractors/$1" -type d -name testdata ;;
        databases) find "$extractors/dpkg" "$extractors/apk" "$extractors/rpm" "$extractors/os_release" -type d -name testdata ;;
        layer | tar) find ../scanner -type d -name testdata ;;
        advisories) find ../core/advisories -type d -name testdata ;;
    esac
}

for target in ${2:-$(cargo +nightly fuzz list)}; do
    mkdir -p "corpus/$target"
    # Folder names have no spaces.
    # shellcheck disable=SC2046
    cargo +nightly fuzz run "$target" "corpus/$target" $(seeds "$target") -- -max_total_time="$seconds" -max_len=65536
done
