"""How far this desk has followed the site's log: position, count, snapshots. No socket, no clock."""

from __future__ import annotations

from typing import Any

from .fill import Json, fill
from .proto import Call, Replayed, Snap, Welcome
from .store import entity_of
from .told import (
    Collections,
    DeskEvent,
    Gap,
    Gone,
    Happened,
    Keep,
    Merge,
    Missed,
    Position,
    Snapshot,
    Told,
)


def is_after(a: str, b: str) -> bool:
    """Positions are decimal strings: longer is larger, then as text."""
    return (len(a), a) > (len(b), b)


class _Cut:
    """Pages of a snapshot that is not complete."""

    def __init__(self, open_subs: set[str]) -> None:
        self.open = open_subs
        self.state = Collections()
        self.missed: list[Call] = []
        self.events: list[DeskEvent[Any]] = []

    def page(self, snap: Snap) -> None:
        if snap.gap:
            self.missed += snap.objs
            return  # the gap's pages have a `last` of their own; the state comes after them
        self.state.calls += snap.objs
        self.state.agents += snap.agents
        self.state.lines += snap.lines
        self.state.duties += snap.duties
        self.state.links += snap.links
        self.state.figures += snap.figures
        if snap.last:
            self.open.discard(snap.sub)


class Follow:
    def __init__(self) -> None:
        #: Newest position that was passed; empty before the first cut is complete.
        self.pos = ""
        #: `ev` frames since `welcome`, modulo 2^32 as the server counts.
        self.count = 0
        self._epoch = ""
        self._scope = ""
        # Events up to here are applied: what comes again is not told again.
        self._seen = ""
        # The snapshots that follow `welcome`, until all are complete.
        self._cut: _Cut | None = None
        self._replaying = False
        # Snapshots of subscriptions made later.
        self._later: dict[str, _Cut] = {}
        self._out: list[Told] = []

    @property
    def is_live(self) -> bool:
        """All that was subscribed to at `hello` is there."""
        return self._cut is None and not self._replaying

    def resume(self) -> Json | None:
        """`hello.resume`, once there is a position to go on from."""
        if not self.pos:
            return None
        return {"epoch": self._epoch, "pos": self.pos, "scope": self._scope}

    def forget(self) -> None:
        """The server wants a fresh start."""
        self.pos = ""

    def take(self) -> list[Told]:
        """What there is to tell since the last call."""
        out, self._out = self._out, []
        return out

    def welcome(self, frame: Welcome, subs: list[str]) -> None:
        self.count = 0
        self._later.clear()
        self._epoch, self._scope = frame.epoch, frame.scope
        self._replaying = frame.resumed
        self._cut = None
        if frame.resumed:
            self._seen = self.pos
        else:
            self.pos = ""
            self._seen = frame.pos
            self._cut = _Cut(set(subs))
            self._finish()

    def snap(self, raw: Json) -> None:
        snap: Snap = fill("Snap", raw)
        if self._cut:
            self._cut.page(snap)
            self._finish()
            return
        cut = self._later.setdefault(snap.sub, _Cut({snap.sub}))
        cut.page(snap)
        if not cut.open:
            # The position stays until `scope` closes the change.
            del self._later[snap.sub]
            self._out.append(Merge(snap.sub, cut.state))

    def close(self, sub: str) -> None:
        """This subscription was refused or taken back: no snapshot of it comes."""
        self._later.pop(sub, None)
        if self._cut:
            self._cut.open.discard(sub)
            self._finish()

    def _finish(self) -> None:
        cut = self._cut
        if cut is None or cut.open:
            return
        self._cut = None
        self.pos = self._seen
        if cut.missed:
            self._out.append(Missed(cut.missed))
        self._out.append(Snapshot(self.pos, cut.state))
        for event in cut.events:
            self._apply(event)

    def ev(self, raw: Json) -> None:
        self.count = (self.count + 1) & 0xFFFF_FFFF
        k = raw["k"]
        detail = fill("Detail", raw["d"]) if "d" in raw else None
        event: DeskEvent[Any] = DeskEvent(
            pos=raw["pos"],
            ts=raw.get("ts", ""),
            k=k,
            o=entity_of(k, raw.get("o")),
            d=detail,
            caused_by=raw.get("caused_by", ""),
        )
        if self._cut:
            self._cut.events.append(event)
        else:
            self._apply(event)

    def _apply(self, event: DeskEvent[Any]) -> None:
        if not is_after(event.pos, self._seen):
            return
        self._seen = event.pos
        if is_after(event.pos, self.pos):
            self.pos = event.pos
        self._out.append(Happened(event))

    def gone(self, raw: Json) -> None:
        """An entity is seen no more."""
        gone = Gone(raw.get("kind", ""), raw.get("id", ""), raw.get("why", ""), raw.get("pos", ""))
        self._out.append(gone)
        if is_after(gone.pos, self.pos):
            self.pos = gone.pos

    def scope(self, pos: str, scope: str) -> None:
        """A change of what is seen has been told up to here."""
        self._scope = scope
        self._reached(pos)

    def replayed(self, raw: Json) -> bool:
        """False: events are missing. A replay may also follow a snapshot that took long."""
        frame: Replayed = fill("Replayed", raw)
        if self._replaying and frame.count != self.count:
            return self._gap(frame.count)
        self._replaying = False
        if raw.get("kept") is True:
            keep = [(item.get("kind", ""), item.get("id", "")) for item in raw.get("keep", [])]
            self._out.append(Keep(keep))
        self._reached(frame.to)
        return True

    def heartbeat(self, pos: str, n: int) -> bool:
        """False: events are missing, and the position is not one to answer with."""
        if n != self.count:
            return self._gap(n)
        if self.is_live:
            self._reached(pos)
        return True

    def _reached(self, pos: str) -> None:
        if is_after(pos, self.pos):
            self.pos = pos
            self._out.append(Position(pos))

    def _gap(self, server: int) -> bool:
        self._out.append(Gap(server, self.count))
        return False
