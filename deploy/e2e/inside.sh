#!/bin/sh
# Run a command with a file tree as its root: inside.sh TREE FOLDER COMMAND [ARGUMENT…]
# FOLDER is seen under its own path; nothing else of the host's files is, and the tree is read only.
# A plain chroot does not do: an engine that loads an image pivots its own root, which a chroot
# forbids. Needs a mount namespace of its own, with which all of this ends:
#   unshare --mount --propagation private inside.sh …
set -eu
tree=$1
folder=$2
shift 2

mount --bind "$tree" "$tree"
for system in proc sys dev; do
  mount --rbind "/$system" "$tree/$system"
done
for scratch in tmp run var/tmp; do
  mount -t tmpfs tmpfs "$tree/$scratch"
done
mkdir -p "$tree$folder"
mount --bind "$folder" "$tree$folder"
mount -o remount,bind,ro "$tree"

cd "$tree"
# The old root is stacked below the new one, and let go of.
pivot_root . .
umount --lazy .
cd /
exec "$@"
