#!/bin/sh
# Builds a few tiny packages and installs them into one database of each kind, with what
# `rpm -qa` says of it beside it. Needs root, and on Debian 12: rpm, db5.3-util, gpg,
# sqlite3, debootstrap.
#
#   generate.sh OUTPUT_FOLDER [TREES_FOLDER]
#
# Berkeley DB needs rpm 4.16 and ndb rpm 4.20: those of Debian 11 and 13, in TREES_FOLDER/bullseye
# and TREES_FOLDER/trixie, which are made if they are absent.
set -eu
out=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trees=${2:-$work}
bullseye=$trees/bullseye
trixie=$trees/trixie
for tree in "$bullseye" "$trixie"; do
    [ -x "$tree/usr/bin/rpm" ] || debootstrap --variant=minbase --include=rpm "${tree##*/}" "$tree"
done

long=$(printf 'l%.0s' $(seq 200))
cat > "$work/bundle.spec" <<SPEC
Name: bundle
Epoch: 2
Version: 1.4~rc1
Release: 3.el9
Summary: With an epoch and sub packages
License: MIT AND Apache-2.0
BuildArch: noarch
%description
%package libs
Summary: Its libraries
%description libs
%package tools
Version: 9.9
Release: 1
Summary: Its tools, with a version of their own
%description tools
%package -n $long
Summary: A long name
%description -n $long
%install
mkdir -p %{buildroot}/opt/many
for i in \$(seq 120); do echo \$i > %{buildroot}/opt/many/a-file-with-a-rather-long-name-\$i; done
%files
%files libs
/opt/many
%files tools
%files -n $long
SPEC
cat > "$work/plain.spec" <<SPEC
Name: plain
Version: 1.0
Release: 1
Summary: Nothing special
License: BSD-3-Clause
%description
%files
SPEC
cat > "$work/zero.spec" <<SPEC
Name: zero-epoch
Epoch: 0
Version: 1^git20240101
Release: 1.fc40
Summary: With an epoch that says nothing
License: MIT
BuildArch: noarch
%description
%files
SPEC
for spec in bundle plain zero; do
    rpmbuild --quiet -bb --define "_topdir $work/build" --define "_rpmdir $work/rpms" \
        --define "_buildhost localhost" --define "source_date_epoch_from_changelog 0" "$work/$spec.spec"
done
GNUPGHOME=$work/gnupg; export GNUPGHOME; mkdir -m 700 "$GNUPGHOME"
gpg --quiet --batch --passphrase '' --quick-gen-key 'Testing <testing@localhost>' rsa2048 sign never
gpg --quiet --armor --export > "$work/key.asc"
rpms=$(find "$work/rpms" -name '*.rpm' | sort)
query='%{NAME} %{EVR} %{ARCH} %{EPOCH} %{SOURCERPM} %{LICENSE}\n'

# install KIND FILE TREE: a database of the kind, by the tree's rpm.
install() {
    kind=$1 tree=$3 inside="$3/generate"
    run() { chroot "$tree" rpm --dbpath /generate/db --define "_db_backend $kind" "$@"; }
    rm -rf "$inside"; mkdir -p "$inside" "$out/$kind"
    cp $rpms "$work/key.asc" "$inside"
    run --initdb
    run --import /generate/key.asc
    run -i --justdb --nodeps --nosignature --ignorearch \
        $(cd "$inside" && ls -- *.rpm | sed 's,^,/generate/,')
    run -qa --qf "$query" | sort > "$out/$kind/rpm-qa"
    cp "$inside/db/$2" "$out/$kind/$2"
    rm -rf "$inside"
}
install sqlite rpmdb.sqlite "$trixie"
# The indices are not read, and take nine tenths of the file.
indices=$(sqlite3 "$out/sqlite/rpmdb.sqlite" \
    "SELECT 'DROP TABLE \"' || name || '\";' FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('Packages', 'sqlite_sequence')")
sqlite3 "$out/sqlite/rpmdb.sqlite" "$indices VACUUM; PRAGMA wal_checkpoint(TRUNCATE);"
install ndb Packages.db "$trixie"
install bdb Packages "$bullseye"

db5.3_dump "$out/bdb/Packages" > "$work/dump"
mkdir -p "$out/bdb-big-endian"
rm -f "$out/bdb-big-endian/Packages"
db5.3_load -c db_lorder=4321 -f "$work/dump" "$out/bdb-big-endian/Packages"
cp "$out/bdb/rpm-qa" "$out/bdb-big-endian/rpm-qa"
