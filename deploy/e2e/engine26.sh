#!/usr/bin/env bash
# Build a Debian 13 tree that holds Docker Engine 26 with Compose v2 and buildx, beside the engine
# of Debian 12. Nothing in it is started. Root; about two minutes; cached.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/perceptor/e2e/engine26-$(sha256sum <"$0" | cut -c1-12)
[ ! -e "$cache/complete" ] || exit 0
export PATH="$PATH:/usr/sbin:/sbin"

echo "engine26: building in $cache"
rm -rf "$cache"
mkdir -p "$cache"
tree=$cache/tree

debootstrap --variant=minbase trixie "$tree" >"$cache/log" 2>&1 || { tail -n 20 "$cache/log"; exit 1; }
# No package may start a service.
printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
chmod +x "$tree/usr/sbin/policy-rc.d"
DEBIAN_FRONTEND=noninteractive chroot "$tree" \
  apt-get install -y -qq --no-install-recommends docker.io docker-cli docker-compose docker-buildx \
  >>"$cache/log" 2>&1 || { tail -n 20 "$cache/log"; exit 1; }
rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/*

touch "$cache/complete"
du -sh "$cache" | sed 's/^/engine26: /'
