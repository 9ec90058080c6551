#!/usr/bin/env bash
# Build file trees with the metadata of real packages, written by the real package managers, and
# what these managers say is in them. Root; about a minute; cached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${PERCEPTOR_E2E_TREES:-${XDG_CACHE_HOME:-$HOME/.cache}/perceptor/e2e/trees-$(sha256sum <"$0" | cut -c1-12)}
[ ! -e "$cache/complete" ] || exit 0

echo "trees: building in $cache"
rm -rf "$cache"
mkdir -p "$cache"

# web: Debian by debootstrap, Python packages by pip.
web=$cache/web
debootstrap --variant=minbase bookworm "$web" >"$cache/debootstrap.log" 2>&1 ||
  { tail -n 20 "$cache/debootstrap.log"; exit 1; }
rm -rf "$web"/var/cache/apt/* "$web"/var/lib/apt/lists/*
dpkg-query --admindir "$web/var/lib/dpkg" -W -f '${db:Status-Abbrev} ${Package} ${Version} ${Architecture}\n' |
  sed -n 's/^ii  *//p' | sort >"$cache/web.dpkg"
pip3 install --quiet --root-user-action ignore --no-compile --disable-pip-version-check \
  --target "$web/opt/shop/python" 'django==4.2.1' 'requests==2.30.0' 'jinja2==3.1.2' 'pyyaml==6.0.1' 2>/dev/null
pip3 list --disable-pip-version-check --path "$web/opt/shop/python" --format json >"$cache/web.pip.json"

# api: a static shell, Node packages by npm.
api=$cache/api
mkdir -p "$api/bin" "$api/srv/api"
cp "$(command -v busybox)" "$api/bin/busybox"
ln -s busybox "$api/bin/sleep"
(
  cd "$api/srv/api"
  npm init --yes >/dev/null 2>&1
  npm install --silent --no-audit --no-fund --ignore-scripts \
    lodash@4.17.15 express@4.17.1 minimist@1.2.5 axios@0.21.1 >/dev/null 2>&1
  npm ls --all --json >"$cache/api.npm.json" 2>/dev/null
)

# search: a static shell, RPM packages by rpm.
search=$cache/search
mkdir -p "$search/bin" "$search/etc"
cp "$(command -v busybox)" "$search/bin/busybox"
ln -s busybox "$search/bin/sleep"
cp "$here/../perceptor/sample/alma/os-release" "$search/etc/os-release"
"$here/rpms.sh" "$cache/rpms"
rpm --root "$search" --dbpath /var/lib/rpm --initdb
rpm --root "$search" --dbpath /var/lib/rpm --nodeps --noscripts -i "$cache"/rpms/*.rpm 2>/dev/null
rpm --root "$search" --dbpath /var/lib/rpm -qa \
  --qf '%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE} %{ARCH}\n' 2>/dev/null | sort >"$cache/search.rpm"

touch "$cache/complete"
du -sh "$cache" | sed 's/^/trees: /'
