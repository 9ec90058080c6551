#!/usr/bin/env bash
# Install the real parts that the tests talk to. Starts nothing. Says clearly what is missing.
set -euo pipefail

# command → Debian package
parts=(
  dockerd:docker.io
  docker-compose:docker-compose
  debootstrap:debootstrap
  rpm:rpm
)

missing=()
for part in "${parts[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${part%%:*}" >/dev/null || missing+=("${part##*:}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  exit 0
fi

echo "setup: missing: ${missing[*]}"
echo "setup: as root on Debian: apt-get install ${missing[*]}"
if [ "${CI:-}" = true ]; then
  exit 1
fi
echo "setup: tests that need them will say so and be skipped"
