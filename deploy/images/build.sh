#!/usr/bin/env bash
# Build a container image of each binary: build.sh [TAG]
#   BASE=IMAGE            another base image
#   DOCKER_HOST=ADDRESS   another engine
#   PROFILE=dev           another Cargo profile than release
#   BINARIES=FOLDER       programs that are built already; nothing is compiled
#   TARGETS="T1 T2"       Rust targets, as x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu; needs their linkers
#   PUSH=REGISTRY/PREFIX  push, and write values for Helm and an overlay for Kustomize with the digests
set -euo pipefail
cd "$(dirname "$0")/../.."
tag=${1:-dev}
profile=${PROFILE:-release}
into=${CARGO_TARGET_DIR:-target}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
  { echo "images: no container engine answers; start one or set DOCKER_HOST"; exit 1; }
# Every binary of the workspace that is shipped, with its name in the chart's values.
mapfile -t binaries < <(grep -rhoE '^name = "perceptor[a-z-]*"' --include=Cargo.toml --exclude-dir=fuzz --exclude-dir=target . | sed 's/^name = "\(.*\)"$/\1/' | sort -u)
declare -A keys=(
  [perceptor]=cli [perceptor-core]=core [perceptor-scanner]=scanner [perceptor-image-fetcher]=imageFetcher
  [perceptor-perceiver-kubernetes]=perceiverKubernetes [perceptor-perceiver-openshift]=perceiverOpenshift
)

build() { # TARGET: compile for it, or for this machine
  [ -z "${BINARIES:-}" ] || return 0
  cargo build --quiet --profile "$profile" ${1:+--target "$1"} "${binaries[@]/#/--bin=}"
}

image() { # BINARY TARGET TAG
  local folder=$into/${2:+$2/}$([ "$profile" = dev ] && echo debug || echo "$profile") arch=""
  case "$2" in
    "") ;;
    x86_64-*) arch=linux/amd64 ;;
    aarch64-*) arch=linux/arm64 ;;
    *) echo "images: no platform is known for target $2"; exit 2 ;;
  esac
  cp "${BINARIES:-$folder}/$1" "$context/program"
  docker build --quiet ${arch:+--platform "$arch"} ${BASE:+--build-arg "BASE=$BASE"} \
    --tag "$3" --file deploy/images/Dockerfile "$context"
}

push() { # BINARY: push its images, one name over all platforms; prints the digest
  local name=$PUSH/$1 parts=() target
  for target in ${TARGETS:-""}; do
    docker push --quiet "$name:$tag${target:+-${target%%-*}}" >/dev/null
    parts+=("$name:$tag${target:+-${target%%-*}}")
  done
  if [ ${#parts[@]} -gt 1 ]; then
    docker manifest create "$name:$tag" "${parts[@]}" >/dev/null
    docker manifest push --purge "$name:$tag"
  else
    docker inspect --format '{{index .RepoDigests 0}}' "${parts[0]}" | sed 's/.*@//'
  fi
}

for target in ${TARGETS:-""}; do
  build "$target"
  for binary in "${binaries[@]}"; do
    image "$binary" "$target" "${PUSH:+$PUSH/}$binary:$tag${target:+-${target%%-*}}"
  done
done

if [ -n "${PUSH:-}" ]; then
  mkdir -p "$into"
  { echo "# helm install … -f images.yaml"; echo "images:"; echo "  registry: $PUSH"; } >"$into/images.yaml"
  echo "images: # for kustomization.yaml" >"$into/images-kustomize.yaml"
  for binary in "${binaries[@]}"; do
    [ -n "${keys[$binary]:-}" ] || continue
    digest=$(push "$binary")
    echo "  ${keys[$binary]}: {digest: \"$digest\"}" >>"$into/images.yaml"
    printf -- '  - name: %s\n    newName: %s\n    digest: %s\n' "$binary" "$PUSH/$binary" "$digest" >>"$into/images-kustomize.yaml"
  done
  echo "images: digests are in $into/images.yaml and $into/images-kustomize.yaml"
fi
