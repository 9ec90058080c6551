#!/usr/bin/env bash
# Write rpmdb.sqlite anew: real RPM, empty packages. Needs rpm and rpmbuild.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# name epoch version release source
packages="
bash 0 5.1.8 6.el9_1 bash
curl-minimal 0 7.76.1 23.el9 curl
glibc 0 2.34 60.el9 glibc
libcurl-minimal 0 7.76.1 23.el9 curl
libnghttp2 0 1.43.0 5.el9 nghttp2
libwebp 0 1.2.0 6.el9_1 libwebp
openssl-libs 1 3.0.7 16.el9_2 openssl
xz-libs 0 5.2.5 8.el9_0 xz
zlib 0 1.2.11 39.el9 zlib
"
while read -r name epoch version release source; do
  [ -n "$name" ] || continue
  spec="Name: $source
Epoch: $epoch
Version: $version
Release: $release
Summary: sample entry
License: MIT
BuildArch: noarch
%description
sample entry
"
  if [ "$name" = "$source" ]; then
    spec="$spec%files
"
  else
    spec="$spec%package -n $name
Summary: sample entry
%description -n $name
sample entry
%files -n $name
"
  fi
  printf '%s' "$spec" >"$work/$name.spec"
  rpmbuild --quiet -bb --define "_topdir $work/build" "$work/$name.spec"
done <<<"$packages"
rpm --root "$work/root" --define '_db_backend sqlite' --initdb
rpm --root "$work/root" --define '_db_backend sqlite' --nodeps --noscripts -i "$work"/build/RPMS/noarch/*.rpm
rpm --root "$work/root" -qa | sort
db=$(find "$work/root" -name rpmdb.sqlite)
python3 - "$db" "$here/rpmdb.sqlite" <<'PY'
import sqlite3, sys
# One file without a write-ahead log, and only what is read.
source = sqlite3.connect(sys.argv[1])
source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
source.execute("PRAGMA journal_mode=DELETE")
source.execute("VACUUM INTO ?", (sys.argv[2] + ".new",))
copy = sqlite3.connect(sys.argv[2] + ".new")
for (table,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    if table not in ("Packages", "sqlite_sequence"):
        copy.execute(f'DROP TABLE "{table}"')
copy.commit()
copy.execute("VACUUM")
PY
mv "$here/rpmdb.sqlite.new" "$here/rpmdb.sqlite"
