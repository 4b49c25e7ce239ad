"""Commands whose end is not known.

None is ever sent with a new id, and none is sent again after its time, so that nothing runs twice
or late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any

from .fill import Json
from .proto import CommandResult, Err
from .told import Acked, Done, Refusal, Refused, Told

#: The server takes no more into the future.
WITHIN_MS_MAX = 60_000
#: Ids in `hello`: it may have 4 KiB at most, and a token stands in it too. The server takes 64.
PENDING_MAX = 32
#: Wait before a command is sent again that the server could neither take nor refuse.
AGAIN_MS = 1000


@dataclass(slots=True)
class Order:
    """A command as the program gives it."""

    #: UUIDv7.
    id: str
    op: str
    target: Json | None = None
    args: Json | None = None
    if_rev: int | None = None
    #: Not to be begun later than this after now, ms.
    within_ms: float = 5000


@dataclass(slots=True)
class _Pending:
    frame: Json
    #: By our clock, ms.
    deadline: float
    sent: bool = False
    #: When to send it again.
    again: float | None = None


class Orders:
    def __init__(self, send: Callable[[Json], None], tell: Callable[[Told], None]) -> None:
        self._all: dict[str, _Pending] = {}
        # Server time minus ours, ms; known while there is a socket that was welcomed.
        self._ahead: float | None = None
        self._send = send
        self._tell = tell

    def give(self, now: float, order: Order) -> None:
        frame: Json = {"t": "cmd", "id": order.id, "op": order.op}
        if order.target is not None:
            frame["target"] = order.target
        if order.args is not None:
            frame["args"] = order.args
        if order.if_rev is not None:
            frame["if"] = {"rev": order.if_rev}
        self._all[order.id] = _Pending(frame, now + min(order.within_ms, WITHIN_MS_MAX))
        self.tick(now)

    def pending(self) -> list[str]:
        """Ids that the server may have seen."""
        return [id for id, order in self._all.items() if order.sent][:PENDING_MAX]

    def lost(self) -> None:
        self._ahead = None
        for order in self._all.values():
            order.again = None

    def closed(self) -> None:
        """There will be no other socket."""
        for id, order in list(self._all.items()):
            msg = "the desk was closed before the result" if order.sent else "the desk is closed"
            self._refuse(id, Refusal("CLOSED", msg, False, not order.sent))

    def welcome(self, now: float, time: str, results: list[CommandResult]) -> None:
        self._ahead = _unix_ms(time) - now
        accepted = set()
        for result in results:
            order = self._all.get(result.id)
            if order is None:
                continue
            if result.status == "unseen":
                order.sent = False
            elif result.status == "accepted":
                accepted.add(result.id)
                self.ack(result.id, "")
            else:
                self.result(result)
        # What the server said nothing about is asked for by its id: a known command is only
        # answered.
        for id, order in self._all.items():
            if order.sent and id not in accepted:
                self._give(order)
        self.tick(now)

    def ack(self, id: str, pos: str) -> None:
        order = self._all.get(id)
        if order is not None:
            order.again = None
            self._tell(Acked(id, pos))

    def result(self, result: CommandResult) -> None:
        if self._all.pop(result.id, None):
            self._tell(Done(result))

    def err(self, now: float, err: Err, details: Any) -> bool:
        """False: this is not about a command."""
        order = self._all.get(err.ref)
        if order is None:
            return False
        # INTERNAL alone leaves open whether it was taken: the same id asks again without harm.
        is_open = err.code == "INTERNAL"
        if is_open and now + AGAIN_MS < order.deadline:
            order.again = now + AGAIN_MS
            return True
        self._refuse(err.ref, Refusal(err.code, err.msg, err.retryable, not is_open, details))
        return True

    def wake_at(self) -> float:
        due = (
            o.again if o.again is not None else (inf if o.sent else o.deadline)
            for o in self._all.values()
        )
        return min(due, default=inf)

    def tick(self, now: float) -> None:
        for id, order in list(self._all.items()):
            if not order.sent and now >= order.deadline:
                msg = "there was no connection in time"
                self._refuse(id, Refusal("EXPIRED", msg, False, True))
            elif not order.sent or (order.again is not None and order.again <= now):
                self._give(order)

    def _give(self, order: _Pending) -> None:
        if self._ahead is None:
            return
        # Once said, it stays: a command that is sent again may not become a later one.
        order.frame.setdefault("not_after", _rfc3339(order.deadline + self._ahead))
        order.sent = True
        order.again = None
        self._send(order.frame)

    def _refuse(self, id: str, refusal: Refusal) -> None:
        self._all.pop(id, None)
        self._tell(Refused(id, refusal))


def _unix_ms(time: str) -> float:
    return datetime.fromisoformat(time).timestamp() * 1000


def _rfc3339(unix_ms: float) -> str:
    at = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
