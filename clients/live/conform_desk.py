"""A small desktop for `trunkline conform`, and desktops that break one rule of the protocol each.

Logs in, and ends the work after each call. The first argument names what it does wrong.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

from trunkline_client import Sub, TrunklineClient
from trunkline_client.core import Core
from trunkline_client.follow import Follow
from trunkline_client.orders import Orders
from trunkline_client.uuid7 import uuid7


def forgets_its_position() -> None:
    setattr(Follow, "resume", lambda self: None)


def keeps_its_position_for_ever() -> None:
    setattr(Follow, "forget", lambda self: None)


def ignores_heartbeats() -> None:
    setattr(Core, "_heartbeat", lambda self, now, frame: None)


def does_not_count() -> None:
    def heartbeat(self: Any, pos: str, n: int) -> bool:
        self.count = n
        self._reached(pos)
        return True

    setattr(Follow, "heartbeat", heartbeat)


def _with_wait(random: Callable[[], float], tries: int | None = None) -> None:
    wait = Core._wait

    def waits(self: Any, now: float, code: int | None, reason: str) -> None:
        self._options.random = random
        if tries is not None:
            self._tries = tries
        wait(self, now, code, reason)

    setattr(Core, "_wait", waits)


def comes_back_at_once() -> None:
    _with_wait(lambda: 0.0)


def has_no_jitter() -> None:
    _with_wait(lambda: 1.0)


def comes_back_after_everything() -> None:
    closed = Core.closed
    setattr(Core, "closed", lambda self, now, code, reason: closed(self, now, 1006, reason))


def ignores_goaway() -> None:
    wait = Core._wait

    def waits(self: Any, now: float, code: int | None, reason: str) -> None:
        self._goaway = None
        wait(self, now, code, reason)

    setattr(Core, "_wait", waits)


def restates_nothing() -> None:
    setattr(Orders, "pending", lambda self: [])


def sends_again() -> None:
    welcome = Orders.welcome

    def again(self: Any, now: float, time: str, results: Any) -> None:
        welcome(self, now, time, results)
        for order in list(self._all.values()):
            self._send(order.frame)

    setattr(Orders, "welcome", again)


def sends_again_under_a_new_id() -> None:
    welcome = Orders.welcome

    def again(self: Any, now: float, time: str, results: Any) -> None:
        for order in self._all.values():
            order.frame = {**order.frame, "id": uuid7()}
        welcome(self, now, time, results)

    setattr(Orders, "welcome", again)


def keeps_the_old_scope() -> None:
    setattr(Follow, "scope", lambda self, pos, scope: self._reached(pos))


def stops_at_the_unknown() -> None:
    frame = Core._frame

    def strict(self: Any, now: float, got: Any) -> None:
        if str(got.get("t")).startswith("conform"):
            raise ValueError("unknown")
        frame(self, now, got)

    setattr(Core, "_frame", strict)


def never_notices_silence() -> None:
    setattr(Core, "_silence_max", lambda self: 1e12)


#: The work after a call is ended so long after its begin.
WORKS_S = [0.5]


def works_after_the_deadline() -> None:
    WORKS_S[0] = 6.5


async def main() -> None:
    url, subs = os.environ["TRUNKLINE_URL"], [Sub("calls", "calls:own"), Sub("me", "agent:self")]
    desk = TrunklineClient(url, lambda: os.environ["TRUNKLINE_TOKEN"], subs)
    stopped = asyncio.Event()
    tasks: set[asyncio.Future[Any]] = set()

    async def ends_work(call: str) -> None:
        await asyncio.sleep(WORKS_S[0])
        await desk.command("call.data", target={"call": call}, args={"key": "done", "value": "yes"})
        await desk.command("agent.state", args={"state": "ready"})

    def agent(agent: Any, _: Any) -> None:
        if agent.state == "working_after_call":
            tasks.add(asyncio.ensure_future(ends_work(agent.last_call_id)))

    desk.on("agent", agent)
    desk.on("status", lambda change: stopped.set() if change.status == "stopped" else None)
    async with desk:
        tasks.add(asyncio.ensure_future(desk.command("agent.login", within_ms=20_000)))
        await stopped.wait()
        await asyncio.sleep(30)  # a stopped desktop stays open: it shows why


if __name__ == "__main__":
    if len(sys.argv) > 1:
        globals()[sys.argv[1]]()
    asyncio.run(main())
