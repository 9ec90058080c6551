"""Copies archives from folders into one, each once as it is and once with right checksums."""

import hashlib
import pathlib
import sys


def signed(archive: bytes) -> bytes:
    """The archive with a right checksum in each block that says it is a header."""
    blocks = bytearray(archive)
    for at in range(0, len(blocks) - 511, 512):
        if blocks[at + 257 : at + 262] == b"ustar":
            blocks[at + 148 : at + 156] = b" " * 8
            total = sum(blocks[at : at + 512])
            blocks[at + 148 : at + 156] = b"%06o\0 " % total
    return bytes(blocks)


target = pathlib.Path(sys.argv[1])
for folder in sys.argv[2:]:
    for path in pathlib.Path(folder).iterdir():
        for archive in (path.read_bytes(), signed(path.read_bytes())):
            (target / hashlib.sha256(archive).hexdigest()[:24]).write_bytes(archive)
