"""Frames in protobuf by Python's own implementation and the published descriptor set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    json_format,
    message_factory,
)

PROTO = Path(__file__).parents[2] / "proto"
TIME = re.compile(r"^(\d{4}-.*:\d\d)(?:(\.\d*[1-9])0*|\.0*)?Z$")


def pool() -> Any:
    files = descriptor_pb2.FileDescriptorSet()
    files.ParseFromString((PROTO / "schema" / "trunkline.v1.binpb").read_bytes())
    made = descriptor_pool.DescriptorPool()
    for file in files.file:
        made.Add(file)
    return made


POOL = pool()
FRAME = message_factory.GetMessageClass(POOL.FindMessageTypeByName("trunkline.v1.Frame"))


def choice(message: str, oneof: str) -> list[str]:
    fields = POOL.FindMessageTypeByName(message).oneofs_by_name[oneof].fields
    return [field.name for field in fields]


CHOICES = {
    "ev": ("o", choice("trunkline.v1.Event", "entity")),
    "err": ("details", choice("trunkline.v1.Err", "details")),
}


def json_form(frame: Any) -> dict[str, Any]:
    """ProtoJSON of a frame as the JSON form has it."""
    said = json_format.MessageToDict(
        frame, preserving_proto_field_name=True, descriptor_pool=POOL
    )
    [(name, body)] = said.items()
    t = name.replace("_", ".")
    if t == "ev":
        body = body["event"]
    own, names = CHOICES.get(t, ("", []))
    members = {own if name in names else name: value for name, value in body.items()}
    return {"t": t, **members}


def plain(value: Any) -> Any:
    """Without members that hold a default; times without zeros at their end."""
    if isinstance(value, dict):
        members = {name: plain(v) for name, v in value.items()}
        return {name: v for name, v in members.items() if v or v not in ("", 0, [], {})}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, str):
        return TIME.sub(r"\1\2Z", value)
    return value


def frame_of(said: dict[str, Any]) -> bytes:
    """A frame that a desk says, in protobuf."""
    members = {name: value for name, value in said.items() if name != "t"}
    frame = json_format.ParseDict(
        {said["t"].replace(".", "_"): members}, FRAME(), descriptor_pool=POOL
    )
    return bytes(frame.SerializeToString())


def read(data: bytes) -> dict[str, Any]:
    """The JSON form of a frame."""
    return json_form(FRAME.FromString(data))
