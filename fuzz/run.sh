#!/bin/sh
# A minute of each fuzz target, or as many seconds as the first argument says; the second names a
# target. What a target begins with: the test data of what it reads, unpacked where that is packed,
# and the seeds beside this script.
#
# Needs no nightly toolchain: the installed compiler is told to take the flags that fuzzing needs.
set -eu
cd "$(dirname "$0")"
seconds="${1:-60}"
version=0.13.2
tools="${XDG_CACHE_HOME:-$HOME/.cache}/perceptor/tools"
extractors=../scanner/extract/src

export RUSTC_BOOTSTRAP=1
PATH="$tools/bin:$PATH"
if ! cargo fuzz --version 2>/dev/null | grep -q " $version\$"; then
    cargo install --quiet --locked --root "$tools" --target-dir "$tools/target" cargo-fuzz --version "$version"
    rm -rf "$tools/target"
fi

# Where a target's seeds are.
seeds() {
    case "$1" in
        binary | java | node | python) find "$extractors/$1" -path '*/testdata/*' -type f ;;
        databases)
            for name in dpkg apk rpm os_release; do find "$extractors/$name" -path '*/testdata/*' -type f; done
            ;;
        layer | tar) find ../scanner/rootfs/tests/testdata -name '*.gz' ;;
        advisories) find ../core/advisories/testdata ../core/advisories/builtin -name '*.json' ;;
        versions) find ../core/versions/testdata -name '*.txt' ;;
    esac
    if [ -d "seeds/$1" ]; then find "seeds/$1" -type f; fi
}

# Packed seeds are put there unpacked as well: what is changed in a packed one mostly unpacks to nothing.
plant() {
    mkdir -p "corpus/$1" "corpus/seeds-$1"
    seeds "$1" | while read -r seed; do
        name="$(echo "$seed" | tr '/' '-' | tr -d '.')"
        case "$seed" in
            *.gz) gunzip -c "$seed" >"corpus/seeds-$1/$name-unpacked" ;;
        esac
        cp "$seed" "corpus/seeds-$1/$name"
    done
}

for target in ${2:-$(cargo fuzz list)}; do
    plant "$target"
    cargo fuzz run "$target" "corpus/$target" "corpus/seeds-$target" -- \
        -max_total_time="$seconds" -max_len=65536 -timeout=30 -print_final_stats=1
done
