"""Writes archives whose headers and extended headers are put together at random from what writers
write and from what they ought not to."""

import pathlib
import random
import sys

KINDS = b"00000001122557SxxxgLLKK\x00\x00V34"
MAGICS = [b"ustar\x0000", b"ustar  \x00", b"\x00" * 8, b"ustar\x00\x00\x00", b"ustar 00"]
NAMES = ["a", "b/c", "d/", "./e", "/f", "var/lib/dpkg/status", "g" * 100, "h/../i", "j//k", "é", ".wh.a", ""]
KEYS = ["path", "linkpath", "size", "mtime", "SCHILY.xattr.user.a", "GNU.sparse.major", "GNU.sparse.minor",
        "GNU.sparse.name", "GNU.sparse.realsize", "GNU.sparse.size", "GNU.sparse.map",
        "GNU.sparse.numblocks", "GNU.sparse.offset", "GNU.sparse.numbytes", "hdrcharset", "comment", "Path"]
VALUES = ["", "0", "1", "3", "512", "01", "-1", "+3", "1 ", "0,3", "0,1,2,1", "x", "a", "b/c", "d/",
          "99999999999999999999", "a\x00b", "é", "BINARY"]
SIZES = [b"%011o\0", b"%011o ", b"%o\0", b"%12o", b" %o \0"]


def number(value: int, width: int) -> bytes:
    if random.random() < 0.1:
        return b"\x80" + value.to_bytes(width - 1, "big")
    text = random.choice(SIZES) % value if width == 12 else b"%07o\0" % value
    return text[:width].ljust(width, random.choice([b"\0", b"\0", b" "]))


def header(kind: int, name: bytes, link: bytes, size: int) -> bytes:
    block = bytearray(512)
    block[0:100] = name[:100].ljust(100, b"\0")
    block[100:108] = number(random.choice([0o644, 0o755]), 8)
    block[124:136] = number(size, 12)
    block[136:148] = number(0, 12)
    block[156] = kind
    block[157:257] = link[:100].ljust(100, b"\0")
    block[257:265] = random.choice(MAGICS[:2]) if random.random() < 0.9 else random.choice(MAGICS)
    if random.random() < 0.1:
        prefix = random.choice(NAMES).encode()[:155]
        block[345 : 345 + len(prefix)] = prefix
    if random.random() < 0.03:
        block[508:512] = b"tar\0"
    if random.random() < 0.1:
        at = random.randrange(512)
        block[at] = random.randrange(256)
    block[148:156] = b" " * 8
    total = sum(block)
    block[148:156] = b"%06o\0 " % total
    if random.random() < 0.01:
        block[random.randrange(512)] ^= 1
    return bytes(block)


def record() -> bytes:
    body = f" {random.choice(KEYS)}={random.choice(VALUES)}\n".encode()
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    if random.random() < 0.02:
        length += random.choice([-1, 1])
    return str(length).encode() + body


def entry() -> bytes:
    kind = random.choice(KINDS)
    name, link = random.choice(NAMES).encode(), random.choice(NAMES).encode()
    if kind in b"xg":
        content = b"".join(record() for _ in range(random.randrange(1, 5)))
    elif kind in b"LK":
        content = random.choice(NAMES).encode() * random.choice([1, 1, 30]) + random.choice([b"\0", b"", b"\0x"])
    elif kind in b"1234 5":
        content = b"x" * random.choice([0, 0, 0, 0, 3])
    else:
        content = random.choice([b"", b"abc", b"1\n0\n3\n".ljust(512, b"\0") + b"abc", b"z" * 700, b"\0" * 512])
    size = len(content) if random.random() < 0.95 else random.choice([0, 1, 511, 512, 513, 1 << 33])
    return header(kind, name, link, size) + content + b"\0" * (-len(content) % 512)


def main() -> None:
    target, count, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    random.seed(seed)
    for number_of in range(count):
        archive = b"".join(entry() for _ in range(random.randrange(1, 6)))
        end = b"\0" * 1024 if random.random() < 0.95 else random.choice([b"", b"\0" * 512, b"\0" * 1024 + b"x" * 512])
        (target / f"mutated-{seed}-{number_of}").write_bytes(archive + end)


main()
