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
differ=0
for ours in "$work"/ours/*; do
    name="$(basename "$ours")"
    # What the other reader refuses no runtime unpacks.
    if cmp -s "$ours" "$work/theirs/$name" || [ "$(tail -n 1 "$work/theirs/$name")" = refused ]; then continue; fi
    mkdir -p artifacts/peer
    cp "$work/archives/$name" artifacts/peer/
    echo "peer: read differently: fuzz/artifacts/peer/$name" >&2
    differ=1
done
[ "$differ" -eq 0 ] && echo "peer: no archive without a problem is read differently"
exit "$differ"
