#!/usr/bin/env python3
"""Writes archives of files with holes, the wrong ones included, and what Go reads in each (go.txt).

Run it here; tests/sparse.rs reads the result. With a folder and a number it writes that many
archives made at random there instead.
"""
import gzip, pathlib, random, subprocess, sys

HERE = pathlib.Path(__file__).parent


def header(kind, name, size, dialect=b"ustar\x0000", edit=lambda block: None):
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000644\0"
    block[124:136] = b"%011o\0" % size
    block[156:157] = kind
    block[257:265] = dialect
    edit(block)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def filled(content):
    return content + bytes(-len(content) % 512)


def record(key, value):
    rest = b" %s=%s\n" % (key.encode(), str(value).encode())
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length = len(b"%d" % length) + len(rest)
    return b"%d" % length + rest


def pax(records, kind=b"x"):
    body = b"".join(record(key, value) for key, value in records)
    return header(kind, b"PaxHeaders/x", len(body)) + filled(body)


def bytes_of(regions):
    return bytes(33 + n % 90 for n in range(sum(length for _, length in regions)))


def old(regions, size, stored=None, real=None, dialect=b"ustar  \0", change=lambda blocks: None):
    stored = bytes_of(regions) if stored is None else stored
    fields = [b"%011o\0%011o\0" % region for region in regions]
    rest = [fields[at : at + 21] for at in range(4, len(fields), 21)]

    def edit(block):
        block[386 : 386 + 24 * len(fields[:4])] = b"".join(fields[:4])
        block[482] = 1 if rest else 0
        block[483:495] = b"%011o\0" % size if real is None else real
        change(block)

    out = header(b"S", b"holes", len(stored), dialect, edit)
    for at, part in enumerate(rest):
        block = bytearray(512)
        block[: 24 * len(part)] = b"".join(part)
        block[504] = 1 if at + 1 < len(rest) else 0
        out += bytes(block)
    return out + filled(stored)


def sized(size):
    return [("GNU.sparse.size", size)] if size is not None else []


def zero_zero(regions, size, stored=None, count=None, extra=()):
    stored = bytes_of(regions) if stored is None else stored
    pairs = [(f"GNU.sparse.{key}", n) for region in regions for key, n in zip(("offset", "numbytes"), region)]
    count = len(regions) if count is None else count
    return pax([*sized(size), ("GNU.sparse.numblocks", count), *pairs, *extra]) + header(b"0", b"holes", len(stored)) + filled(stored)


def zero_one(regions, size, stored=None, count=None, text=None, extra=(), kind=b"0"):
    stored = bytes_of(regions) if stored is None else stored
    count = len(regions) if count is None else count
    text = ",".join(f"{a},{b}" for a, b in regions) if text is None else text
    records = [*sized(size), ("GNU.sparse.numblocks", count), ("GNU.sparse.name", "holes"), ("GNU.sparse.map", text), *extra]
    return pax(records) + header(kind, b"placeholder", len(stored)) + filled(stored)


def one_zero(regions, size, stored=None, text=None, records=None, tail=b""):
    stored = bytes_of(regions) if stored is None else stored
    text = "\n".join(map(str, [len(regions), *(n for region in regions for n in region)])) + "\n" if text is None else text
    body = filled(text.encode()) + stored + tail
    if records is None:
        records = [("GNU.sparse.major", 1), ("GNU.sparse.minor", 0), ("GNU.sparse.name", "holes"), ("GNU.sparse.realsize", size)]
    return pax(records) + header(b"0", b"placeholder", len(body)) + filled(body)


FEW = [(512, 100), (1024, 512), (9000, 7)]
MANY = [(n * 1024, 512) for n in range(60)]


def cases():
    for name, write in [("old", old), ("00", zero_zero), ("01", zero_one), ("10", one_zero)]:
        yield f"good-{name}-few", write(FEW, 10000)
        yield f"good-{name}-many", write(MANY, 60 * 1024)
        yield f"good-{name}-end-marked", write([(0, 512), (4096, 0)], 4096)
        yield f"good-{name}-adjacent", write([(10, 5), (15, 5), (20, 0), (20, 1)], 21)
        yield f"good-{name}-no-hole", write([(0, 600)], 600)
        yield f"bad-{name}-overlap", write([(0, 10), (5, 10)], 99)
        yield f"bad-{name}-disorder", write([(50, 10), (0, 10)], 99)
        yield f"bad-{name}-beyond", write([(0, 10), (95, 10)], 99)
        yield f"bad-{name}-huge", write([(0, 10), (2**33 - 1, 2**33 - 1)], 99, b"0123456789")
        yield f"bad-{name}-too-few-bytes", write(FEW, 10000, b"x" * 618)
        yield f"bad-{name}-too-many-bytes", write(FEW, 10000, b"x" * 620)
        # Without a version, an empty map is none.
        expected = "strict" if name in ("00", "01") else "bad"
        yield f"{expected}-{name}-empty-map-with-bytes", write([], 10000, b"x" * 20)
    yield "good-old-all-hole", old([], 5000)
    yield "good-10-all-hole", one_zero([], 5000)
    major = [("GNU.sparse.major", 0), ("GNU.sparse.minor", 1)]
    yield "good-01-versioned", zero_one(FEW, 10000, extra=major)
    yield "good-01-versioned-all-hole", zero_one([], 5000, extra=major)
    yield "bad-old-star", old(FEW, 10000, dialect=b"ustar\x0000", change=lambda block: block.__setitem__(slice(508, 512), b"tar\0"))
    yield "bad-old-posix", old(FEW, 10000, dialect=b"ustar\x0000")
    yield "bad-old-size-no-number", old(FEW, 0, real=b"99999999999\0")
    yield "bad-old-offset-no-number", old(FEW, 10000, change=lambda block: block.__setitem__(slice(386, 398), b"9x000000000\0"))
    yield "strict-old-ends-in-two-places", old(FEW, 512 + 100, bytes(100), change=lambda block: block.__setitem__(slice(410, 422), bytes(12)))
    yield "strict-old-with-records", pax([("GNU.sparse.name", "other"), ("GNU.sparse.map", "0,1")]) + old(FEW, 10000)
    yield "good-old-renamed", pax([("path", "other")]) + old(FEW, 10000)
    yield "strict-00-and-01", zero_zero([(0, 9)], 50, extra=[("GNU.sparse.map", "1,9")])
    yield "bad-00-offset-twice", zero_zero([], 50, b"", 1, [("GNU.sparse.offset", 1), ("GNU.sparse.offset", 1)])
    yield "bad-00-two-in-one", zero_zero([], 50, b"x", 1, [("GNU.sparse.offset", "0,1"), ("GNU.sparse.numbytes", "1")])
    yield "bad-01-odd", zero_one([], 50, b"x", 1, "0,1,9")
    yield "bad-01-count", zero_one(FEW, 10000, count=2)
    yield "bad-01-count-absurd", zero_one(FEW, 10000, count=2**62)
    yield "bad-01-negative", zero_one([], 50, b"x", 1, "-1,1")
    yield "strict-01-signed", zero_one([], 50, b"x", 1, "+1,1")
    yield "strict-01-no-size", zero_one([(0, 20)], None)
    yield "bad-01-size-no-number", zero_one([(0, 20)], "20x")
    yield "strict-01-two-sizes", zero_one([(0, 20)], 50, extra=[("GNU.sparse.realsize", 60)])
    yield "bad-01-of-a-link", zero_one([(0, 20)], 50, b"", kind=b"1")
    yield "strict-01-oldest-kind", zero_one([(0, 20)], 50, kind=b"\0")
    yield "bad-10-count-absurd", one_zero([], 50, b"", "4611686018427387905\n")
    yield "bad-10-no-map", one_zero([], 50, b"x" * 600, "")
    yield "bad-10-map-cut", one_zero([], 50, b"", "9\n1\n2\n")
    yield "bad-10-map-words", one_zero([], 50, b"", "1\nx\n2\n")
    yield "strict-10-version-unknown", one_zero(FEW, 10000, records=[("GNU.sparse.major", 2), ("GNU.sparse.minor", 0), ("GNU.sparse.name", "holes"), ("path", "plain")])
    yield "strict-10-minor-missing", one_zero(FEW, 10000, records=[("GNU.sparse.major", 1), ("GNU.sparse.name", "holes")])
    yield "strict-10-map-in-records-too", one_zero(FEW, 10000, records=[("GNU.sparse.major", 1), ("GNU.sparse.minor", 0), ("GNU.sparse.realsize", 10000), ("GNU.sparse.map", "0,1")])
    yield "strict-schily", pax([("SCHILY.realsize", 10000)]) + header(b"0", b"plain", 3) + filled(b"abc")
    yield "strict-global", pax([("GNU.sparse.map", "0,1")], b"g") + header(b"0", b"plain", 3) + filled(b"abc")


def at_random(chance):
    """One of the four ways, mostly right, with something small changed."""
    regions, at = [], 0
    for _ in range(chance.choice([0, 1, 2, 3, 5, 30])):
        at += chance.choice([0, 0, 1, 511, 512, 5000])
        length = chance.choice([0, 1, 100, 512, 513])
        regions.append((at, length))
        at += length
    size = at + chance.choice([0, 0, 0, 1, 4096, -1])
    size = max(size, 0)
    if regions and chance.random() < 0.2:
        chance.shuffle(regions)
    stored = bytes_of(regions)
    if chance.random() < 0.1:
        stored += b"x"
    if stored and chance.random() < 0.1:
        stored = stored[1:]
    raw = bytearray(chance.choice([old, zero_zero, zero_one, one_zero])(regions, size, stored))
    if chance.random() < 0.4:
        block = chance.randrange(0, len(raw), 512)
        places = [n for n in range(block, min(block + 512, len(raw))) if raw[n]] or [block]
        raw[chance.choice(places)] = chance.choice(b"0123456789,\n=\0 x\x80")
        if chance.random() < 0.8 and raw[block + 257 : block + 262] == b"ustar":
            raw[block + 148 : block + 156] = b" " * 8
            raw[block + 148 : block + 156] = b"%06o\0 " % sum(raw[block : block + 512])
    return bytes(raw)


def main():
    folder, made = HERE, cases()
    if len(sys.argv) > 2:
        folder = pathlib.Path(sys.argv[1])
        made = ((f"random-{n}", at_random(random.Random(n))) for n in range(int(sys.argv[2])))
    for name, raw in made:
        raw += header(b"0", b"after", 5) + filled(b"after") + bytes(1024)
        (folder / f"{name}.tar.gz").write_bytes(gzip.compress(raw, 9, mtime=0))
    listed = subprocess.run(["go", "run", HERE / "peer.go", folder], check=True, capture_output=True).stdout
    (folder / "go.txt").write_bytes(listed)


main()
