#!/usr/bin/env python3
"""Writes the archives in this folder with GNU tar and Python's tarfile, and what Python lists in each.

Run it here; tests/writers.rs reads the result. One line an entry: kind, path, and content (of long
ones its SHA-256) or target.
"""
import gzip, hashlib, io, os, pathlib, subprocess, tarfile, tempfile

HERE = pathlib.Path(__file__).parent
KINDS = {tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink", tarfile.LNKTYPE: "hardlink", tarfile.FIFOTYPE: "other"}


def tree(root, longest):
    deep = root / ("d" * min(longest, 90)) / ("e" * min(longest, 90))
    deep.mkdir(parents=True)
    (deep / ("f" * min(longest, 60))).write_text("deep")
    (root / "dir").mkdir()
    (root / "dir" / "file").write_text("content")
    (root / "dir" / "empty").write_text("")
    (root / "dir" / "prog").write_text("#!")
    (root / "dir" / "prog").chmod(0o755)
    os.link(root / "dir" / "file", root / "dir" / "hard")
    os.symlink("../" + "t" * min(longest, 90), root / "dir" / "link")
    os.mkfifo(root / "dir" / "pipe")
    if longest > 100:
        (root / "dir" / "Fő tanúsítvány").write_text("utf-8")
        (root / ("n" * longest)).write_text("long")
        os.symlink("l" * longest, root / "longlink")
        holes(root)


def holes(root):
    """Files of which most is not there: at the start, at the end, throughout, and a dpkg status."""
    for name, size, places in [
        ("holes", (1 << 20) + 3, [1 << 20]),
        ("holes-at-end", 1 << 20, [0]),
        ("holes-only", 1 << 20, []),
        ("holes-many", 4 << 20, range(0, 4 << 20, 65536)),
    ]:
        with open(root / name, "wb") as file:
            file.truncate(size)
            for place in places:
                file.seek(place)
                file.write(b"end")
    database = root / "var" / "lib" / "dpkg"
    database.mkdir(parents=True)
    with open(database / "status", "wb") as file:
        for n in range(40):
            text = f"Package: p{n}\nStatus: install ok installed\nArchitecture: all\nVersion: 1.{n}\n\n"
            # A hole of some pages, as the last of a paragraph's description.
            file.seek(n * 65536)
            file.write(text.encode())
            file.seek((n + 1) * 65536 - 2)
            file.write(b"\n\n")


def listing(path):
    lines = []
    with tarfile.open(path) as archive:
        for entry in archive:
            name = entry.name.removeprefix("./")
            if name in ("", "."):
                continue
            kind = KINDS.get(entry.type, "program" if entry.mode & 0o111 else "file")
            if kind in ("file", "program"):
                content = archive.extractfile(entry).read()
                text = content.decode() if b"\0" not in content or len(content) < 1000 else hashlib.sha256(content).hexdigest()
                lines.append(f"{kind} {name} {text}")
            elif kind == "symlink":
                lines.append(f"{kind} {name} -> {entry.linkname}")
            elif kind == "hardlink":
                lines.append(f"{kind} {name} = {entry.linkname.removeprefix('./')}")
            else:
                lines.append(f"{kind} {name}")
    return "\n".join(lines) + "\n"


def keep(name, raw):
    path = HERE / f"{name}.tar.gz"
    path.write_bytes(gzip.compress(raw, 9, mtime=0))
    (HERE / f"{name}.txt").write_text(listing(path))


def main():
    with tempfile.TemporaryDirectory() as folder:
        long, short, tiny = (pathlib.Path(folder) / name for name in ("long", "short", "tiny"))
        tree(long, 240)
        tree(short, 40)
        tree(tiny, 20)
        fixed = ["--sort=name", "--owner=0", "--group=0", "--mtime=@0", "--numeric-owner"]
        for name, root, options in [
            ("gnu", long, ["--format=gnu"]),
            ("gnu-sparse", long, ["--format=gnu", "--sparse"]),
            ("posix", long, ["--format=posix"]),
            ("posix-sparse-0.0", long, ["--format=posix", "--sparse", "--sparse-version=0.0"]),
            ("posix-sparse-0.1", long, ["--format=posix", "--sparse", "--sparse-version=0.1"]),
            ("posix-sparse-1.0", long, ["--format=posix", "--sparse", "--sparse-version=1.0"]),
            ("ustar", short, ["--format=ustar"]),
            ("v7", tiny, ["--format=v7", "--exclude=pipe"]),
        ]:
            if "sparse" not in name:
                options = [*options, "--exclude=holes*", "--exclude=./var"]
            tar = ["tar", "-C", root, *fixed, *options, "-cf", "-", "."]
            keep(name, subprocess.run(tar, check=True, capture_output=True).stdout)
        for name, form in [("python-gnu", tarfile.GNU_FORMAT), ("python-pax", tarfile.PAX_FORMAT)]:
            raw = io.BytesIO()
            with tarfile.open(fileobj=raw, mode="w", format=form) as archive:
                for path in sorted(long.rglob("*")):
                    if not path.name.startswith("holes") and "var" not in path.relative_to(long).parts:
                        archive.add(path, path.relative_to(long), recursive=False)
            keep(name, raw.getvalue())


main()
