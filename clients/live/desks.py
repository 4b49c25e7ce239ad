"""Desks as processes of their own, and what they are compared with."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from site_up import BINARY, PATIENCE_S, Peer, Site

HERE = Path(__file__).parent
#: Command of each client's test desk.
DESKS = {
    "typescript": ["node", str(HERE / "desk.mjs")],
    "python": [sys.executable, str(HERE / "desk.py")],
}
SITE_SUBS = [{"id": "c", "topic": "site:calls"}, {"id": "a", "topic": "site:agents"}]
AGENT_SUBS = [{"id": "c", "topic": "calls:own"}, {"id": "a", "topic": "agent:self"}]


class Desk:
    """A client under test."""

    def __init__(self, peer: Peer, token_file: Path) -> None:
        self.peer = peer
        self._token_file = token_file

    @classmethod
    @contextlib.asynccontextmanager
    async def up(
        cls, site: Site, kind: str, address: str, token: str, subs: list[dict[str, str]]
    ) -> AsyncIterator[Desk]:
        token_file = site.folder / f"token-{kind}-{id(token)}"
        token_file.write_text(token)
        options = {"url": f"ws://{address}/v1/events", "subs": subs, "token_file": str(token_file)}
        peer = await Peer.start(*DESKS[kind], json.dumps(options))
        try:
            yield cls(peer, token_file)
        finally:
            await peer.end()

    def give_token(self, token: str) -> None:
        """The desk reads the old one or the new one, never half of one."""
        fresh = self._token_file.with_suffix(".new")
        fresh.write_text(token)
        fresh.replace(self._token_file)

    def said(self, key: str) -> list[Any]:
        return [report for report in self.peer.reports if key in report]

    @property
    def start(self) -> str:
        """Position of its first snapshot."""
        return str(self.said("snapshot")[0]["snapshot"])

    @property
    def events(self) -> list[tuple[str, str, str, int]]:
        return [(r["pos"], r["k"], r.get("id"), r.get("rev")) for r in self.said("pos")]

    async def live(self, after: int = 0) -> None:
        def again(_: Any) -> bool:
            return len([r for r in self.said("status") if r["status"] == "live"]) > after

        await self.peer.until("live", again)

    async def report(self, position: str) -> Any:
        """Its state, once it has reached this position."""
        for _ in range(int(PATIENCE_S * 10)):
            before = len(self.said("report"))
            self.peer.order(do="report")
            await self.peer.until("a report", lambda _: len(self.said("report")) > before)
            report = self.said("report")[-1]
            if int(report["report"] or 0) >= int(position):
                return report
            await asyncio.sleep(0.1)
        raise AssertionError(f"it never came to {position}: {self.peer.reports[-5:]}")


class Witness:
    """The uncut account: the server's own scripted desk, another program in another language."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer

    @classmethod
    @contextlib.asynccontextmanager
    async def up(cls, site: Site, token: str, subs: list[dict[str, str]]) -> AsyncIterator[Witness]:
        peer = await Peer.start(str(BINARY), "peer", "desk")
        url = f"ws://{site.http}/v1/events"
        peer.order(do="connect", url=url, token=token, subs=subs)
        try:
            yield cls(peer)
        finally:
            await peer.end()

    @property
    def frames(self) -> list[Any]:
        return [r["frame"] for r in self.peer.reports if r.get("ev") == "frame"]

    def events(self, after: str) -> list[tuple[str, str, str, int]]:
        found = [f for f in self.frames if f["t"] == "ev" and int(f["pos"]) > int(after)]
        return [(f["pos"], f["k"], f["o"].get("id"), f["o"].get("rev")) for f in found]

    async def live(self) -> None:
        def last(report: Any) -> bool:
            frame = report.get("frame", {})
            return bool(frame.get("t") == "snap" and frame["last"])

        await self.peer.until("a snapshot", last)

    async def quiet(self) -> str:
        """The position at which nothing has happened for two heartbeats."""
        while True:
            seen, beats = len(self.frames), 0
            while beats < 2:
                await asyncio.sleep(0.2)
                fresh = self.frames[seen:]
                if any(frame["t"] == "ev" for frame in fresh):
                    break
                beats = len([frame for frame in fresh if frame["t"] == "hb"])
            else:
                return str(self.frames[-1]["pos"])

    def check(self, desk: Desk) -> int:
        """No gap, no duplicate, the same order; gives how many events were compared."""
        assert not [r for r in self.peer.reports if r.get("ev") in ("lost", "gap")], "it was cut"
        wanted, found = self.events(desk.start), desk.events
        assert len(found) == len(wanted), f"{len(found)} events in place of {len(wanted)}"
        assert found == wanted
        assert all(int(a[0]) < int(b[0]) for a, b in zip(found, found[1:]))
        return len(found)
