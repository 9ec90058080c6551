#!/usr/bin/env bash
# What the tests need: real parts as Debian packages, file trees with real package metadata, and
# Kubernetes.
# Starts nothing. What is built is cached. Says clearly what is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export PATH="$PATH:/usr/sbin:/sbin"

# command → Debian package
parts=(
  /usr/lib/cni/loopback:containernetworking-plugins
  busybox:busybox-static
  conmon:conmon
  containerd:containerd
  curl:curl
  debootstrap:debootstrap
  dnsmasq:dnsmasq-base
  docker-compose:docker-compose
  docker-registry:docker-registry
  dockerd:docker.io
  htpasswd:apache2-utils
  ip:iproute2
  npm:npm
  openssl:openssl
  pip3:python3-pip
  podman:podman
  promtool:prometheus
  rpm:rpm
  rpmbuild:rpm
  runc:runc
  skopeo:skopeo
  update-ca-certificates:ca-certificates
)

missing=()
for part in "${parts[@]}"; do
  command -v "${part%%:*}" >/dev/null || missing+=("${part##*:}")
done

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "setup: missing: ${missing[*]}"
    echo "setup: on Debian, as root: apt-get install ${missing[*]}"
    [ "${CI:-}" != true ] || exit 1
    echo "setup: tests that need them say so by name and are left out"
    exit 0
  fi
fi

if [ "$(id -u)" = 0 ]; then
  "$here/trees.sh"
  "$here/readers.sh"
  "$here/engine26.sh"
  "$here/kubernetes.sh"
else
  echo "setup: not root: nothing is built for the engine and Kubernetes tests, and those tests say so by name"
fi
