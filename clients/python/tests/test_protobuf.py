"""The transcripts' frames in protobuf, read by an implementation that is not ours: they say what
the JSON says."""

from __future__ import annotations

import base64
import json
import re
import unittest
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

PROTO = Path(__file__).parents[3] / "proto"
VECTORS = sorted((PROTO / "vectors" / "pb").glob("*.json"))
TIME = re.compile(r"^(\d{4}-.*:\d\d)(?:(\.\d*[1-9])0*|\.0*)?Z$")
STRANGE = "unknown.json"  # says what no server of this version would


def pool() -> descriptor_pool.DescriptorPool:
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


class Protobuf(unittest.TestCase):
    def test_every_transcript_says_the_same_in_protobuf(self) -> None:
        self.assertGreaterEqual(len(VECTORS), 10)
        for path in VECTORS:
            steps = json.loads((PROTO / "vectors" / path.name).read_text())["steps"]
            for number, text in json.loads(path.read_text()).items():
                with self.subTest(path.stem, step=number):
                    data = base64.b64decode(text)
                    frame = FRAME.FromString(data)
                    step = steps[int(number) - 1]
                    if path.name != STRANGE:
                        said = step.get("server", step.get("client"))
                        self.assertEqual(plain(json_form(frame)), plain(said))
                    frame.DiscardUnknownFields()  # nothing that the descriptors do not know
                    self.assertEqual(len(frame.SerializeToString()), len(data))


if __name__ == "__main__":
    unittest.main()
