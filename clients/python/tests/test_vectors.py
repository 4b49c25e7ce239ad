"""The transcripts of proto/vectors."""

from __future__ import annotations

import json
import unittest
from pathlib import Path

from play import Player

VECTORS = sorted((Path(__file__).parents[3] / "proto" / "vectors").glob("*.json"))


class Vectors(unittest.TestCase):
    def test_every_transcript_is_played(self) -> None:
        self.assertGreaterEqual(len(VECTORS), 10)
        for path in VECTORS:
            vector = json.loads(path.read_text())
            with self.subTest(path.stem, about=vector["about"]):
                player = Player(vector)
                for number, step in enumerate(vector["steps"], 1):
                    player.step(step, f"{path.name} step {number} {json.dumps(step)[:100]}")
                player.end()


if __name__ == "__main__":
    unittest.main()
