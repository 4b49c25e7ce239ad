"""What a desktop uses: state, events, commands."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl as tls
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from .core import CoreOptions, Sub
from .driver import Driver, TokenProvider
from .fill import Json
from .orders import Order
from .proto import Agent, Call, CommandResult, Duty, Figures, Line, Link
from .store import Store, kind_of
from .told import (
    Complaint,
    DeskEvent,
    Done,
    Happened,
    Health,
    Merge,
    Missed,
    NewFigures,
    Refusal,
    Refused,
    Snapshot,
    StatusChange,
    Told,
    Welcomed,
)
from .uuid7 import uuid7

log = logging.getLogger("trunkline_client")

Listener = Callable[..., None]


class CommandError(Exception):
    """A command that was not carried out, or of which nobody knows whether it was."""

    def __init__(self, refusal: Refusal, result: CommandResult | None = None) -> None:
        super().__init__(f"{refusal.code}: {refusal.msg}")
        #: FORBIDDEN, CONFLICT, POLICY_DENIED, EXPIRED, UNKNOWN, ...
        self.code = refusal.code
        #: The same request may succeed later.
        self.retryable = refusal.retryable
        #: It is certain that nothing was done.
        self.nothing_done = refusal.nothing_done
        #: CONFLICT: the entity as it is.
        self.details = refusal.details
        #: The result, if the command was accepted.
        self.result = result


class Stopped(Exception):
    """The desk does not come back by itself: closed, refused or replaced."""


class TrunklineClient:
    """One desk. Listeners are called with:

    - `call`, `agent`, `line`, `duty`, `link`, `decision`, `system`, `dnc`, `command`: the entity
      and its event; `event`: each event, in the order of the log
    - `status`: a `StatusChange`; `health`: `enabled` or `degraded`
    - `snapshot`: nothing; the state has been replaced: draw it anew
    - `missed`: calls that began and ended while this desk was away
    - `gone`: a `Gone`; `figures`: new `Figures` of one board; `error`: a `Complaint`
    """

    def __init__(
        self,
        url: str,
        token: TokenProvider,
        subs: Iterable[Sub],
        *,
        name: str = "trunkline-client",
        version: str = "0.1.0",
        inst: str | None = None,
        caps: Iterable[str] = (),
        backoff_first_ms: float = 500,
        backoff_max_ms: float = 30_000,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        options = CoreOptions(
            client={"name": name, "ver": version, "inst": inst or uuid7()},
            subs=list(subs),
            caps=list(caps),
            backoff_first_ms=backoff_first_ms,
            backoff_max_ms=backoff_max_ms,
            random=random.random,
        )
        self._driver = Driver(url, token, options, self._told, ssl)
        self._store = Store()
        self._listeners: dict[str, list[Listener]] = {}
        self._commands: dict[str, asyncio.Future[CommandResult]] = {}
        self._iterators: set[asyncio.Queue[DeskEvent[Any] | None]] = set()
        self._status = StatusChange("connecting")
        #: enabled | degraded: no outbound call will be let through.
        self.health = ""
        #: Incarnation of the log that the position belongs to.
        self.epoch = ""

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def calls(self) -> Mapping[str, Call]:
        """Live calls by id; a call that is over is in it no more."""
        return self._store.calls

    @property
    def agents(self) -> Mapping[str, Agent]:
        return self._store.agents

    @property
    def lines(self) -> Mapping[str, Line]:
        return self._store.lines

    @property
    def duties(self) -> Mapping[str, Duty]:
        return self._store.duties

    @property
    def links(self) -> Mapping[str, Link]:
        return self._store.links

    @property
    def figures(self) -> Mapping[str, Figures]:
        """Boards of aggregate views by `kind:id`."""
        return self._store.figures

    @property
    def position(self) -> str:
        """Position in the site's log up to which all this is complete."""
        return self._store.position

    @property
    def status(self) -> str:
        """connecting | live | waiting | stopped"""
        return self._status.status

    def start(self) -> None:
        """Begins to connect; `async with` does it too."""
        self._driver.start()

    async def close(self) -> None:
        """Closes the socket and ends iterators and commands."""
        await self._driver.stop()

    def on(self, name: str, listener: Listener) -> Callable[[], None]:
        """Calls the listener each time; what is returned ends that."""
        listeners = self._listeners.setdefault(name, [])
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    async def events(self) -> AsyncIterator[DeskEvent[Any]]:
        """Every event from now on, in the order of the log, until the client is closed."""
        queue: asyncio.Queue[DeskEvent[Any] | None] = asyncio.Queue()
        self._iterators.add(queue)
        try:
            while self.status != "stopped" or not queue.empty():
                event = await queue.get()
                if event is None:
                    return
                yield event
        finally:
            self._iterators.discard(queue)

    def __aiter__(self) -> AsyncIterator[DeskEvent[Any]]:
        return self.events()

    async def live(self) -> None:
        """Returns when everything subscribed to is there; raises `Stopped` if that cannot be."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look(change: StatusChange) -> None:
            if done.done():
                return
            if change.status == "live":
                done.set_result(None)
            elif change.status == "stopped":
                done.set_exception(Stopped(change.reason or "stopped"))

        off = self.on("status", look)
        try:
            look(self._status)
            await done
        finally:
            off()

    def command(
        self,
        op: str,
        *,
        target: Json | None = None,
        args: Json | None = None,
        if_rev: int | None = None,
        within_ms: float = 5000,
        id: str | None = None,
    ) -> asyncio.Future[CommandResult]:
        """Gives the result `ok`, or raises a `CommandError`.

        `if_rev`: revision that the user has seen; a newer one is answered with CONFLICT.
        `within_ms`: not to be begun later than this, at most 60,000.
        """
        order = Order(id or uuid7(), op, target, args, if_rev, within_ms)
        done: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()
        self._commands[order.id] = done
        self._driver.command(order)
        return done

    def subscribe(self, sub: Sub) -> None:
        self._driver.subscribe(sub)

    def unsubscribe(self, id: str) -> None:
        self._driver.unsubscribe(id)

    def _told(self, told: Told) -> None:
        for gone in self._store.apply(told):
            self._call("gone", gone)
        match told:
            case StatusChange():
                self._status = told
                self._call("status", told)
                if told.status == "stopped":
                    for queue in self._iterators:
                        queue.put_nowait(None)
            case Welcomed():
                self.epoch = told.epoch
            case Snapshot() | Merge():
                self._call("snapshot")
            case Happened(event):
                self._call(kind_of(event.k), event.o, event)
                self._call("event", event)
                for queue in self._iterators:
                    queue.put_nowait(event)
            case Missed(calls):
                self._call("missed", calls)
            case NewFigures(figures):
                self._call("figures", figures)
            case Health(health):
                self.health = health
                self._call("health", health)
            case Complaint():
                self._call("error", told)
            case Done(result):
                self._result(result)
            case Refused(id, refusal):
                self._fail(id, CommandError(refusal))

    def _result(self, result: CommandResult) -> None:
        if result.status != "ok":
            code = result.err.code if result.err else result.status.upper()
            msg = result.err.msg if result.err else f"the command {result.status}"
            refusal = Refusal(code, msg, False, result.status == "expired")
            self._fail(result.id, CommandError(refusal, result))
            return
        done = self._commands.pop(result.id, None)
        if done and not done.done():
            done.set_result(result)

    def _fail(self, id: str, error: CommandError) -> None:
        done = self._commands.pop(id, None)
        if done and not done.done():
            done.set_exception(error)

    def _call(self, name: str, *args: Any) -> None:
        for listener in list(self._listeners.get(name, ())):
            try:
                listener(*args)
            except Exception:  # one listener's fault is neither another's nor the stream's
                log.exception("a listener of %s failed", name)
