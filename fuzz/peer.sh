#!/bin/sh
# Archives that our reader finds nothing wrong with are read alike by Go's archive/tar, which container
# runtimes use. Compared over as many archives as the first argument says (20000), put together at
# random from the seed that the second one is (1), and over what the target `tar` found if it was run.
# Needs Go and Python.
set -eu
cd "$(dirname "$0")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/archives" "$work/ours" "$work/theirs"
python3 peer/mutate.py "$work/archives" "${1:-20000}" "${2:-1}"
for folder in corpus/tar corpus/seeds-tar; do
    if [ -d "$folder" ]; then python3 peer/sign.py "$work/archives" "$folder"; fi
done
(cd .. && cargo run --quiet --release -p scanner-rootfs --example list "$work/archives" "$work/ours")
go run peer/main.go "$work/archives" "$work/theirs"
if diff --recursive --brief "$work/ours" "$work/theirs" | grep -v '^Only in .*/theirs: ' >"$work/differ"; then
    head -20 "$work/differ"
    mkdir -p artifacts/peer
    sed 's/^Files .*\/ours\/\([^ ]*\) .*/\1/' "$work/differ" | while read -r name; do
        cp "$work/archives/$name" artifacts/peer/
    done
    echo "peer: archives that are read differently are in fuzz/artifacts/peer" >&2
    exit 1
fi
echo "peer: no archive without a problem is read differently"
