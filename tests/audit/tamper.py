#!/usr/bin/env python3
"""Changes a true export in every way there is and holds the verifier to refusing each.

    tamper.py FOLDER --key 64-DIGITS --other FOLDER-OF-ANOTHER-SITE
"""

import argparse
import functools
import json
import os
import sys
import tempfile

import verify_export as verifier
from verify_export import FILES, Refused


def refused(content, trusted, kept=()):
    """The first reason, or None if it is accepted."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, data in content.items():
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(data)
            verifier.verify(folder, trusted, kept)
    except Refused as why:
        return str(why)
    return None


def must_refuse(content, trusted, what, kept=()):
    why = refused(content, trusted, kept)
    if why is None:
        print(f"NOT REFUSED: {what}")
        sys.exit(1)
    return why


def every_byte(content, trusted):
    """One bit of each byte of each file; which one changes from byte to byte."""
    count = 0
    for name in FILES:
        for place in range(len(content[name])):
            other = bytearray(content[name])
            other[place] ^= 1 << (place * 5 + place // 8) % 8
            must_refuse({**content, name: bytes(other)}, trusted, f"{name}, byte {place}")
            count += 1
    return count


def resealed(content, lines):
    """As an insider would: the manifest fits the new lines. Only its signature cannot follow, so the
    tests below leave the signature out and look at the chain alone."""
    text = b"".join(lines)
    manifest = json.loads(content["manifest.json"])
    import hashlib

    entries = manifest["entries"]
    entries["sha256"], entries["bytes"] = hashlib.sha256(text).hexdigest(), len(text)
    if lines:
        first, last = json.loads(lines[0]), json.loads(lines[-1] if lines[-1].endswith(b"\n") else lines[-2])
        entries["first"], entries["last"] = first["seq"], last["seq"]
        entries["hash_after"] = last["hash"]
    out = (verifier.canonical(manifest) + "\n").encode()
    return {**content, "entries.jsonl": text, "manifest.json": out}


def lines_of(content):
    return content["entries.jsonl"].splitlines(keepends=True)


def shapes(lines, foreign):
    """Lines removed, swapped, doubled, inserted and cut, with a name each."""
    last = len(lines) - 1
    for i in range(len(lines)):
        yield f"line {i} removed", lines[:i] + lines[i + 1 :]
        yield f"line {i} doubled", lines[: i + 1] + lines[i:]
        yield f"a foreign line before {i}", lines[:i] + [foreign] + lines[i:]
        if i < last:
            swapped = list(lines)
            swapped[i], swapped[i + 1] = lines[i + 1], lines[i]
            yield f"lines {i} and {i + 1} swapped", swapped
    for end in range(len(lines)):
        yield f"cut after {end} lines", lines[:end]
    yield "cut inside the last line", lines[:-1] + [lines[-1][:-2]]


def chain_alone(content, trusted):
    """The manifest's signature counts as good: what does the chain itself see?"""
    real = verifier.signature_holds
    manifest = content["manifest.json"]

    def forgiving(key, message, signature):
        return message == manifest or real(key, message, signature)

    verifier.signature_holds = forgiving
    try:
        return refused(content, trusted)
    finally:
        verifier.signature_holds = real


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--key", required=True)
    parser.add_argument("--other", required=True)
    args = parser.parse_args()
    trusted = bytes.fromhex(args.key)
    read = lambda folder: {n: open(os.path.join(folder, n), "rb").read() for n in FILES}
    content, other = read(args.folder), read(args.other)
    # Each openssl takes its time; a signature that was looked at once need not be again.
    verifier.signature_holds = functools.cache(verifier.signature_holds)
    assert refused(content, trusted) is None, refused(content, trusted)

    flipped = every_byte(content, trusted)
    lines, foreign = lines_of(content), lines_of(other)[0]
    count = alone = 0
    for what, changed in shapes(lines, foreign):
        must_refuse({**content, "entries.jsonl": b"".join(changed)}, trusted, what)
        must_refuse(resealed(content, changed), trusted, f"{what}, manifest made to fit")
        # Cut exactly behind an earlier checkpoint, an insider's shorter export is true.
        why = chain_alone(resealed(content, changed), trusted)
        whole = changed == lines[: len(changed)]
        ends = bool(changed) and b'"action":"audit.checkpoint"' in changed[-1]
        if why is None and not (whole and ends):
            print(f"NOT REFUSED by the chain: {what}")
            sys.exit(1)
        count, alone = count + 2, alone + (why is not None)

    # A signature of another key: theirs over our manifest, theirs for ours, and ours unknown.
    for name in ("manifest.sig", "audit-key.pem", "manifest.json"):
        must_refuse({**content, name: other[name]}, trusted, f"{name} of another site")
    must_refuse(other, trusted, "the export of another site")
    must_refuse(content, bytes(32), "a trusted key that never signed")
    for name in FILES:
        without = {n: data for n, data in content.items() if n != name}
        must_refuse(without, trusted, f"without {name}")
    must_refuse({**content, "more.txt": b""}, trusted, "a file too many")
    print(f"refused: {flipped} flipped bytes, {count} changes of lines, {alone} seen by the chain alone")


if __name__ == "__main__":
    main()
