"""`trunkline conform` passes our clients, and finds what a desktop does wrong."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import unittest
from pathlib import Path
from typing import Any

from site_up import BINARY, HOST

HERE = Path(__file__).resolve().parent
#: Played side by side: the time goes into waiting.
SHARES = ("connect,close", "resume,auth", "dedupe,wrapup,stop")
#: What a desktop does wrong, and the case that must find it.
WRONG = {
    "forgets_its_position": "cut",
    "keeps_its_position_for_ever": "4009",
    "ignores_heartbeats": "heartbeat",
    "does_not_count": "gap",
    "comes_back_at_once": "backoff",
    "has_no_jitter": "backoff",
    "comes_back_after_everything": "4503",
    "ignores_goaway": "goaway",
    "restates_nothing": "unseen",
    "sends_again": "accepted",
    "sends_again_under_a_new_id": "unseen",
    "keeps_the_old_scope": "scope",
    "stops_at_the_unknown": "unknown",
    "never_notices_silence": "silence",
    "works_after_the_deadline": "wrap-up",
}


async def conform(script: str, *client: str) -> tuple[int, dict[str, Any]]:
    """Exit code, and each case with its verdict."""
    process = await asyncio.create_subprocess_exec(
        *(str(BINARY), "conform", "--json", "--strict", "--listen", f"{HOST}:0"),
        *("--script", script, "--client", f"exec {shlex.join(client)}", "--wait", "30s"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    assert process.returncode is not None
    lines = [json.loads(line) for line in out.decode().splitlines()]
    return process.returncode, {line["case"]: line for line in lines if "case" in line}


class Conform(unittest.IsolatedAsyncioTestCase):
    async def passes(self, *client: str) -> None:
        played = await asyncio.gather(*(conform(share, *client) for share in SHARES))
        cases = {name: case for _, share in played for name, case in share.items()}
        bad = [case for case in cases.values() if case["verdict"] != "pass"]
        self.assertEqual(bad, [], client)
        self.assertGreaterEqual(len(cases), 27)
        self.assertEqual([code for code, _ in played], [0] * len(SHARES))

    async def test_our_clients_pass(self) -> None:
        python = self.passes(sys.executable, str(HERE / "conform_desk.py"))
        await asyncio.gather(python, self.passes("node", str(HERE / "conform_desk.mjs")))

    async def test_what_is_wrong_is_found(self) -> None:
        desk = str(HERE / "conform_desk.py")

        few = asyncio.Semaphore(5)

        async def play(wrong: str, case: str) -> tuple[str, int, Any]:
            async with few:
                code, cases = await conform(case, sys.executable, desk, wrong)
            return wrong, code, cases[case]

        for wrong, code, case in await asyncio.gather(*(play(w, c) for w, c in WRONG.items())):
            with self.subTest(wrong):
                self.assertEqual((code, case["verdict"]), (1, "fail"), case)
                self.assertNotIn("nobody connected", case["reason"])


if __name__ == "__main__":
    unittest.main()
