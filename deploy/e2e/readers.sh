#!/usr/bin/env bash
# Fetch the reference readers of SBOM documents, from those who keep the formats. Cached.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/perceptor/e2e/readers-$(sha256sum <"$0" | cut -c1-12)
[ ! -e "$cache/complete" ] || exit 0

echo "readers: fetching into $cache"
rm -rf "$cache"
mkdir -p "$cache"
pip3 install --quiet --root-user-action ignore --disable-pip-version-check --no-warn-conflicts --target "$cache/python" \
  'cyclonedx-python-lib[json-validation]==11.12.0' 'spdx-tools==0.8.5'
touch "$cache/complete"
