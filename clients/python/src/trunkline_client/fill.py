"""ProtoJSON leaves out members with a default value; here they are put back."""

from __future__ import annotations

from typing import Any

from . import proto

#: Anything that came as JSON.
Json = dict[str, Any]

#: Members whose names are Python's own words.
_RENAMED = {"from": "from_", "if": "if_"}


def fill(name: str, raw: Any) -> Any:
    """A message as proto/ defines it; members that this client does not know are left out."""
    given: Json = raw if isinstance(raw, dict) else {}
    members = proto.FIELDS[name]
    known: Json = {}
    for member, value in given.items():
        if member in members:
            known[_RENAMED.get(member, member)] = _inner(members[member], value)
    return proto.MESSAGES[name](**known)


def to_json(message: Any) -> Any:
    """The message as it would stand in a frame: without members that hold a default."""
    if isinstance(message, list):
        return [to_json(item) for item in message]
    members = proto.FIELDS.get(type(message).__name__)
    if members is None:
        return message
    out = {}
    for member, note in members.items():
        value = getattr(message, _RENAMED.get(member, member))
        absent = value is None or value == note if note != "?" else value is None
        if not absent and value != [] and value != {}:
            out[member] = to_json(value)
    return out


def _inner(note: str | int | bool, value: Any) -> Any:
    if not isinstance(note, str) or note in ("", "?", "{}", "[?]"):
        return value
    if note.startswith("["):
        return [fill(note[1:-1], item) for item in value]
    return fill(note, value)
