#!/usr/bin/env bash
# Write rpmdb.sqlite anew: real RPM, empty packages. Needs rpm, rpmbuild and python3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/../../../e2e/rpms.sh" "$work/rpms"
rpm --root "$work/root" --define '_db_backend sqlite' --initdb
rpm --root "$work/root" --define '_db_backend sqlite' --nodeps --noscripts -i "$work"/rpms/*.rpm 2>/dev/null
python3 - "$(find "$work/root" -name rpmdb.sqlite)" "$work/one.sqlite" <<'PY'
import sqlite3, sys
# One file without a write-ahead log, and only the table that holds the headers.
source = sqlite3.connect(sys.argv[1])
source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
source.execute("PRAGMA journal_mode=DELETE")
source.execute("VACUUM INTO ?", (sys.argv[2],))
copy = sqlite3.connect(sys.argv[2])
for (table,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
    if table not in ("Packages", "sqlite_sequence"):
        copy.execute(f'DROP TABLE "{table}"')
copy.commit()
copy.execute("VACUUM")
PY
mv "$work/one.sqlite" "$here/rpmdb.sqlite"
