"""The transcripts' frames in protobuf, read by an implementation that is not ours: they say what
the JSON says."""

from __future__ import annotations

import base64
import json
import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "live"))

from protobuf_form import FRAME, PROTO, json_form, plain  # noqa: E402

VECTORS = sorted((PROTO / "vectors" / "pb").glob("*.json"))
STRANGE = "unknown.json"  # says what no server of this version would


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
