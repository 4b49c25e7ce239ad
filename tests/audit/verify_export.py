#!/usr/bin/env python3
"""Checks an export of trunkline's audit log by what docs/audit.md says, and nothing else.

    verify_export.py FOLDER --key 64-DIGITS [--checkpoint FILE]

Needs Python 3.8 and the openssl command (1.1.1 or newer), nothing else. Exit code 0: the export is
what the holder of that key signed. Exit code 1: it is not, and the first reason is printed.
"""

import argparse
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

FILES = ["audit-key.pem", "entries.jsonl", "manifest.json", "manifest.sig"]
SPKI = bytes.fromhex("302a300506032b6570032100")


class Refused(Exception):
    """The export does not hold, and why."""


def refuse(condition, why):
    if condition:
        raise Refused(why)


def fields(*parts):
    """Each part behind its length; whole numbers are eight bytes."""
    out = b""
    for part in parts:
        if isinstance(part, int):
            part = struct.pack(">q" if part < 0 else ">Q", part)
        if isinstance(part, str):
            part = part.encode()
        out += struct.pack(">I", len(part)) + part
    return out


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read_json(text, what):
    def pairs(found):
        refuse(len({key for key, _ in found}) != len(found), f"{what}: a key stands there twice")
        return dict(found)

    try:
        value = json.loads(text, object_pairs_hook=pairs)
    except ValueError as error:
        raise Refused(f"{what}: {error}") from None
    refuse(canonical(value) != text, f"{what} is not in canonical form")
    return value


def digits(text, count, what):
    fits = isinstance(text, str) and re.fullmatch(f"[0-9a-f]{{{count}}}", text)
    refuse(not fits, f"{what}: {count} hexadecimal digits belong there")
    return bytes.fromhex(text)


def pem(key):
    import base64

    text = base64.b64encode(SPKI + key).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n".encode()


def signature_holds(key, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "message", "signature")]
        for path, content in zip(paths, (pem(key), message, signature)):
            with open(path, "wb") as file:
                file.write(content)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", paths[0], "-rawin"]
        done = subprocess.run(
            command + ["-in", paths[1], "-sigfile", paths[2]], capture_output=True, check=False
        )
        return done.returncode == 0 and b"Signature Verified Successfully" in done.stdout


def words(text, names, what):
    """The values of `name=value` words, exactly these and in this order."""
    pattern = " ".join(f"{name}=([^ ]*)" for name in names)
    found = re.fullmatch(pattern, text)
    refuse(not found, f"{what}: not of the form {' '.join(names)}")
    return found.groups()


def read_checkpoint(text, what):
    """Number, hash and key of a checkpoint whose signature holds."""
    seq, hash_, commit, at, key, signature = words(
        text, ["seq", "hash", "commit", "at", "key", "signature"], what
    )
    refuse(not all(re.fullmatch("0|-?[1-9][0-9]*", n) for n in (seq, commit, at)), f"{what}: numbers")
    key = digits(key, 64, what)
    message = fields(
        "trunkline-audit-head-v1", int(seq), digits(hash_, 64, what), int(commit), int(at)
    )
    holds = signature_holds(key, message, digits(signature, 128, what))
    refuse(not holds, f"{what}: the signature does not hold")
    return int(seq), hash_, key


def read_change(text, what):
    """Old and new key of a hand-over that both have signed."""
    old, new, by_old, by_new = words(text, ["old", "new", "by_old", "by_new"], what)
    old, new = digits(old, 64, what), digits(new, 64, what)
    message = fields("trunkline-audit-key-v1", old, new)
    for key, signature in ((old, by_old), (new, by_new)):
        holds = signature_holds(key, message, digits(signature, 128, what))
        refuse(not holds, f"{what}: the signature does not hold")
    return old, new


def check_keys(keys, trusted):
    """Each key is vouched for by the one before it, and the trusted one is among them."""
    found = []
    for place, span in enumerate(keys):
        what = f"key {place + 1}"
        key = digits(span["key"], 64, what)
        if place == 0:
            refuse("change" in span or span["since"] != 0, f"{what}: the first has no forerunner")
        else:
            old, new = read_change(span["change"], what)
            refuse((old, new) != (found[-1][0], key), f"{what}: the hand-over is of other keys")
        found.append((key, span["since"]))
    since = [entry for _, entry in found]
    refuse(since != sorted(set(since)), "the keys are not in order")
    refuse(trusted not in [key for key, _ in found], "signed by keys that are not the trusted one")
    return found


def check_statement(entry, what):
    statement = entry.get("statement")
    stated = entry["object"].startswith("statement=")
    refuse(not stated and (statement or "erased" in entry or "callee" in entry), f"{what}: no decision")
    if not stated or statement is None:
        refuse(stated and entry.get("erased") is not True, f"{what}: its statement is missing")
        return
    refuse("erased" in entry, f"{what}: erased, and yet there")
    found = hashlib.sha256(canonical(statement).encode()).hexdigest()
    refuse(found != entry["digest"], f"{what}: the statement is not the one that was recorded")
    named = words(entry["object"], ["statement", "decision", "call"], what)
    told = (str(statement["form"]), statement["decision"], statement.get("call", ""))
    refuse(named != told, f"{what}: the statement is of another decision")
    callee = entry.get("callee")
    if callee is not None:
        salt = digits(callee["salt"], 64, what)
        found = hashlib.sha256(fields("trunkline-callee-v1", salt, callee["number"])).hexdigest()
        refuse(found != statement["callee"]["commitment"], f"{what}: the number is another one")


ENTRY = {"action", "at", "commit", "digest", "hash", "object", "seq", "source", "who"}


def check_entries(text, manifest, keys):
    """Follows the chain; returns the hash after each entry."""
    about = manifest["entries"]
    refuse(hashlib.sha256(text).hexdigest() != about["sha256"], "entries.jsonl was changed")
    refuse(len(text) != about["bytes"], "entries.jsonl has another length")
    lines = text.decode().split("\n")
    refuse(lines.pop() != "", "entries.jsonl does not end with its last line")
    previous, expected, hashes = digits(about["hash_before"], 64, "hash_before"), about["first"], {}
    entry, seen = {}, 0
    for line in lines:
        what = f"entry {expected}"
        entry = read_json(line, what)
        names = set(entry) - {"statement", "erased", "callee"}
        refuse(names != ENTRY, f"{what}: other keys than it must have")
        refuse(entry["seq"] != expected, f"{what}: entry {entry['seq']} stands in its place")
        digest = digits(entry["digest"], 64, what)
        body = fields("trunkline-audit-v1", entry["seq"], entry["at"], entry["who"])
        body += fields(entry["action"], entry["object"], digest, entry["commit"], *entry["source"])
        found = hashlib.sha256(previous + body).digest()
        refuse(found.hex() != entry["hash"], f"{what} was changed")
        in_force = [key for key, since in keys if since < entry["seq"]][-1:]
        if entry["action"] == "audit.checkpoint":
            seq, hash_, key = read_checkpoint(entry["object"], what)
            fits = (seq + 1, hash_, [key]) == (entry["seq"], previous.hex(), in_force)
            refuse(not fits, f"{what}: it signs something else")
        if entry["action"] == "audit.key_changed":
            seen += 1
            old, new = read_change(entry["object"], what)
            refuse([old] != in_force or (new, entry["seq"]) not in keys, f"{what}: an unknown key")
        check_statement(entry, what)
        previous, expected = found, expected + 1
        hashes[entry["seq"]] = entry["hash"]
    refuse(expected - 1 != about["last"], f"entries end at {expected - 1}, not {about['last']}")
    refuse(previous.hex() != about["hash_after"], "the last hash is another one")
    refuse(entry.get("action") != "audit.checkpoint", "the last entry signs nothing")
    within = [since for _, since in keys if about["first"] <= since <= about["last"]]
    refuse(seen != len([since for since in within if since]), "a change of keys is missing")
    return hashes


def check_kept(lines, manifest, hashes, keys):
    """Checkpoints that were kept elsewhere: the log must still hold what they say."""
    compared = 0
    for text in lines:
        seq, hash_, key = read_checkpoint(text.strip(), "kept checkpoint")
        refuse(key not in [key for key, _ in keys], f"kept checkpoint {seq}: of an unknown key")
        refuse(seq > manifest["log_last"], f"the log was cut: entry {seq} was there once")
        if seq in hashes:
            refuse(hashes[seq] != hash_, f"the log was written anew: entry {seq} was another one")
            compared += 1
    return compared


def verify(folder, trusted, kept=()):
    """Raises Refused, or returns what was found."""
    refuse(sorted(os.listdir(folder)) != FILES, f"the folder must hold {', '.join(FILES)}")
    content = {}
    for name in FILES:
        with open(os.path.join(folder, name), "rb") as file:
            content[name] = file.read()
    try:
        return verify_content(content, trusted, kept)
    except (KeyError, TypeError, AttributeError, IndexError, UnicodeError, struct.error) as error:
        raise Refused(f"not of the documented form: {error!r}") from None


def verify_content(content, trusted, kept):
    text = content["manifest.json"]
    refuse(not text.endswith(b"\n"), "manifest.json does not end its line")
    manifest = read_json(text[:-1].decode(), "manifest.json")
    refuse(manifest["form"] != "trunkline-audit-export-1", "a form that is not known")
    signer = digits(manifest["keys"][-1]["key"], 64, "the last key")
    refuse(content["audit-key.pem"] != pem(signer), "audit-key.pem is another key")
    holds = signature_holds(signer, text, content["manifest.sig"])
    refuse(not holds, "the signature of manifest.json does not hold")
    keys = check_keys(manifest["keys"], trusted)
    hashes = check_entries(content["entries.jsonl"], manifest, keys)
    compared = check_kept(kept, manifest, hashes, keys)
    return {"entries": len(hashes), "keys": len(keys), "compared": compared}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--key", required=True, help="the public key you were given, 64 digits")
    parser.add_argument("--checkpoint", help="file with checkpoints that were kept elsewhere")
    args = parser.parse_args()
    kept = []
    if args.checkpoint:
        with open(args.checkpoint, encoding="utf-8") as file:
            kept = [line for line in file if line.strip()]
    try:
        found = verify(args.folder, digits(args.key, 64, "--key"), kept)
    except Refused as why:
        print(f"REFUSED: {why}")
        sys.exit(1)
    print(f"ok: {found['entries']} entries, {found['keys']} keys, {found['compared']} kept "
          "checkpoints compared")


if __name__ == "__main__":
    main()
