#!/usr/bin/env bash
# Build a container image of each binary: build.sh [TAG]
# BASE names another base image, DOCKER_HOST another engine.
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-latest}
binaries=(perceptor perceptor-core perceptor-scanner perceptor-image-fetcher perceptor-perceiver-docker)

docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
  { echo "images: no container engine answers; start one or set DOCKER_HOST"; exit 1; }
cargo build --release --quiet "${binaries[@]/#/--bin=}"
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
for binary in "${binaries[@]}"; do
  cp "${CARGO_TARGET_DIR:-target}/release/$binary" "$context"
  docker build --quiet ${BASE:+--build-arg "BASE=$BASE"} --build-arg "BINARY=$binary" \
    --tag "$binary:$tag" --file deploy/images/Dockerfile "$context"
  rm "$context/$binary"
done
