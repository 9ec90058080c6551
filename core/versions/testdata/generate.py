#!/usr/bin/env python3
"""Writes the *-native.txt files: pairs of versions, and what each ecosystem's own tool says of them.

Needs dpkg, rpm, ruby, java and node, the Python package `packaging`, and in the folder given as
argument `node_modules/semver` (npm install semver) and `maven-artifact-<version>.jar` (from Maven
Central). The pairs are always the same; only the tools decide what is written.
"""
import glob
import itertools
import random
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PAIRS = 400
SIGN = {-1: "<", 0: "=", 1: ">"}


def write(name, pairs, order):
    lines = [f"{a} {SIGN[order_of]} {b}\n" for (a, b), order_of in zip(pairs, order)]
    (HERE / f"{name}-native.txt").write_text("".join(lines))


def pick(rng, *texts):
    return rng.choice(texts)


def debian(rng):
    epoch = pick(rng, "", "", "", "", "", "0:", "1:")
    parts = [pick(rng, "0", "1", "2", "10", "01", "a", "rc", "~", "+", "~rc1", ".", "~~", "z") for _ in range(rng.randint(0, 4))]
    revision = pick(rng, "", "-1", "-1~deb12u1", "-1+deb12u2", "-2ubuntu1", "-0.1", "-10", "-1+b1")
    return f"{epoch}{pick(rng, '1', '1', '1', '2')}.{''.join(parts)}{revision}"


def rpm(rng):
    parts = [pick(rng, "0", "1", "10", "01", "a", "rc", "~", "^", ".", "_", "~rc1", "^git1", "Z", "+", "el9") for _ in range(rng.randint(1, 5))]
    return f"1{pick(rng, '.', '', 'a')}{''.join(parts)}"


def pep440(rng):
    version = pick(rng, "", "", "", "1!") + pick(rng, "1", "1.0", "1.0.0", "1.1")
    version += pick(rng, "", "", "a1", "b2", "rc1", ".rc1", "-alpha.1", "c2")
    version += pick(rng, "", "", ".post1", "-1", ".post2")
    version += pick(rng, "", "", ".dev0", ".dev3")
    return version + pick(rng, "", "", "+local.1", "+2", "+abc")


def semver(rng):
    version = pick(rng, "1.0.0", "1.0.0", "1.0.1", "1.2.0")
    pre = ".".join(pick(rng, "alpha", "beta", "1", "2", "10", "rc", "0", "a-b", "x7") for _ in range(rng.randint(1, 3)))
    return version + pick(rng, "", "-" + pre, "-" + pre) + pick(rng, "", "", "+build.1")


def maven(rng):
    version = ".".join(pick(rng, "0", "1", "2", "10", "01") for _ in range(rng.randint(1, 2)))
    for _ in range(rng.randint(0, 2)):
        version += pick(rng, "-", ".", "") + pick(rng, "alpha", "beta1", "rc", "rc-2", "SNAPSHOT", "Final", "GA", "sp", "sp1", "jre8", "1", "0", "x", "a1", "m2", "M1", "RELEASE", "20040616", "alpha-1")
    return version


def gem(rng):
    version = ".".join(pick(rng, "0", "1", "2", "10") for _ in range(rng.randint(1, 2)))
    return version + pick(rng, "", "", ".a", ".b1", ".pre", ".rc1", "-1", ".rc.1", ".beta2", ".0.a", ".a1")


def pairs_of(make):
    rng = random.Random(make.__name__)
    return [(make(rng), make(rng)) for _ in range(PAIRS)]


def dpkg_order(pairs):
    is_so = lambda a, relation, b: subprocess.run(["dpkg", "--compare-versions", a, relation, b], stderr=subprocess.DEVNULL).returncode == 0
    return [-1 if is_so(a, "lt", b) else 1 if is_so(a, "gt", b) else 0 for a, b in pairs]


def filtered(command, pairs, **more):
    text = "".join(f"{a} {b}\n" for a, b in pairs)
    answer = subprocess.run(command, input=text, capture_output=True, text=True, check=True, **more).stdout
    return [int(line) for line in answer.split()]


def rpm_order(pairs):
    answer = []
    for start in range(0, len(pairs), 100):
        lua = "".join(f"print(rpm.vercmp([[{a}]],[[{b}]])..' ')" for a, b in pairs[start : start + 100])
        answer += subprocess.run(["rpm", "--eval", "%{lua:" + lua + "}"], capture_output=True, text=True, check=True).stdout.split()
    return [int(word) for word in answer]


def pep440_order(pairs):
    from packaging.version import Version
    return [(Version(a) > Version(b)) - (Version(a) < Version(b)) for a, b in pairs]


def semver_order(pairs, tools):
    script = "const s=require('semver');for(const l of require('fs').readFileSync(0,'utf8').trim().split('\\n')){const [a,b]=l.split(' ');console.log(s.compare(a,b))}"
    return filtered(["node", "-e", script], pairs, cwd=tools)


def gem_order(pairs):
    return filtered(["ruby", "-e", "STDIN.each{|l| a,b=l.split; puts Gem::Version.new(a)<=>Gem::Version.new(b)}"], pairs)


def maven_order(pairs, tools):
    [jar] = glob.glob(f"{tools}/maven-artifact-*.jar")
    words = list(itertools.chain.from_iterable(pairs))
    command = ["java", "-cp", jar, "org.apache.maven.artifact.versioning.ComparableVersion", *words]
    lines = [line.split() for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()]
    # Between each version and the next it prints "   <version> <sign> <version>".
    signs = [{"<": -1, "==": 0, ">": 1}[line[1]] for line in lines if len(line) == 3 and line[1] in ("<", "==", ">")]
    return signs[::2]


def main(tools):
    write("debian", pairs := pairs_of(debian), dpkg_order(pairs))
    write("rpm", pairs := pairs_of(rpm), rpm_order(pairs))
    write("pep440", pairs := pairs_of(pep440), pep440_order(pairs))
    write("semver", pairs := pairs_of(semver), semver_order(pairs, tools))
    write("gem", pairs := pairs_of(gem), gem_order(pairs))
    write("maven", pairs := pairs_of(maven), maven_order(pairs, tools))


if __name__ == "__main__":
    main(sys.argv[1])
