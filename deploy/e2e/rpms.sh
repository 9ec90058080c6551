#!/usr/bin/env bash
# Build empty RPM packages with real names and versions into a folder: rpms.sh FOLDER
set -euo pipefail
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# name epoch version release source
while read -r name epoch version release source; do
  spec="Name: $source
Version: $version
Release: $release
Summary: $name
License: MIT
BuildArch: noarch
"
  [ "$epoch" = - ] || spec+="Epoch: $epoch
"
  spec+="%description
$name
"
  if [ "$name" = "$source" ]; then
    spec+="%files
"
  else
    spec+="%package -n $name
Summary: $name
%description -n $name
$name
%files -n $name
"
  fi
  printf '%s' "$spec" >"$work/$name.spec"
  rpmbuild --quiet -bb --define "_topdir $work/build" "$work/$name.spec" 2>/dev/null
done <<'PACKAGES'
bash - 5.1.8 6.el9_1 bash
curl-minimal - 7.76.1 23.el9 curl
glibc - 2.34 60.el9 glibc
libcurl-minimal - 7.76.1 23.el9 curl
libnghttp2 - 1.43.0 5.el9 nghttp2
libwebp - 1.2.0 6.el9_1 libwebp
openssl-libs 1 3.0.7 16.el9_2 openssl
xz-libs - 5.2.5 8.el9_0 xz
zlib - 1.2.11 39.el9 zlib
PACKAGES
cp "$work"/build/RPMS/noarch/*.rpm "$out"
