"""Gives the core what it has not: a socket, a clock, tokens."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import ssl as tls
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from math import inf

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from .core import Action, AskToken, Close, Core, CoreOptions, Dial, Send, Sub, Tell, Token
from .fill import Json
from .orders import Order
from .told import Told

#: Gives a token or ticket that is good now; asked before each connection and before a token ends.
TokenProvider = Callable[[], Token | Awaitable[Token]]

#: Subprotocol: version and encoding.
PROTOCOL = Subprotocol("trunkline.v1.json")
#: Time for a closing handshake.
CLOSE_S = 2.0

log = logging.getLogger("trunkline_client")

_Input = Callable[[float], None]


class Driver:
    def __init__(
        self,
        url: str,
        token: TokenProvider,
        options: CoreOptions,
        tell: Callable[[Told], None],
        ssl: tls.SSLContext | None,
    ) -> None:
        self._url = url
        self._provider = token
        self._core = Core(options)
        self._tell = tell
        self._ssl = ssl
        self._clock = _Clock()
        self._inputs: deque[_Input] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Which dial the socket is of: one that was given up is heard no more.
        self._dialed = 0
        self._dialing: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None
        self._outbox: asyncio.Queue[Json] = asyncio.Queue()

    def start(self) -> None:
        self._run(self._core.start)

    async def stop(self) -> None:
        self._run(lambda _: self._core.stop())
        if self._tasks:
            _, slow = await asyncio.wait(self._tasks, timeout=CLOSE_S)
            for task in slow:
                task.cancel()

    def command(self, order: Order) -> None:
        self._run(lambda now: self._core.command(now, order))

    def subscribe(self, sub: Sub) -> None:
        self._run(lambda _: self._core.subscribe(sub))

    def unsubscribe(self, id: str) -> None:
        self._run(lambda _: self._core.unsubscribe(id))

    def _run(self, input: _Input) -> None:
        """One input, and everything that follows from it, before the next."""
        self._inputs.append(input)
        if len(self._inputs) > 1:
            return  # given by a listener: its turn comes
        while self._inputs:
            self._inputs[0](self._clock.now())
            for action in self._core.take():
                self._act(action)
            self._inputs.popleft()
        if self._timer:
            self._timer.cancel()
        wait = self._core.wake_at() - self._clock.now()
        if wait != inf:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, wait / 1000), self._run, self._core.tick)

    def _act(self, action: Action) -> None:
        match action:
            case Tell(told):
                self._tell(told)
            case Send(frame):
                self._outbox.put_nowait(frame)
            case Close(code):
                self._leave(code)
            case AskToken():
                self._spawn(self._token())
            case Dial():
                self._dialed += 1
                self._dialing = self._spawn(self._dial(self._dialed))

    def _spawn(self, work: Awaitable[None]) -> asyncio.Task[None]:
        async def run() -> None:
            await work

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _token(self) -> None:
        try:
            given = self._provider()
            token = await given if inspect.isawaitable(given) else given
        except Exception as error:  # whatever it is, it is asked again later
            log.warning("no token: %s", type(error).__name__)
            reason = str(error)
            self._run(lambda now: self._core.token_failed(now, reason))
            return
        self._run(lambda now: self._core.token(now, token))

    async def _dial(self, dialed: int) -> None:
        def heard(input: _Input) -> None:
            if dialed == self._dialed:
                self._run(input)

        code, reason = 1006, ""
        try:
            # Heartbeats and limits are the protocol's; the core gives up a dial that takes long.
            async with connect(
                self._url,
                subprotocols=[PROTOCOL],
                ssl=self._ssl,
                compression=None,
                open_timeout=None,
                ping_interval=None,
                close_timeout=CLOSE_S,
                max_size=None,
            ) as socket:
                self._socket = socket
                self._outbox = asyncio.Queue()
                sender = self._spawn(self._send(socket, self._outbox))
                try:
                    heard(self._core.opened)
                    async for message in socket:
                        heard(partial(_text, self._core, message))
                finally:
                    sender.cancel()
            code, reason = socket.close_code or 1006, socket.close_reason or ""
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
            reason = closed.rcvd.reason if closed.rcvd else ""
        except Exception as error:  # no address, refused, no WebSocket: the core tries again
            reason = f"{type(error).__name__}: {error}"
        heard(lambda now: self._core.closed(now, code, reason))

    async def _send(self, socket: ClientConnection, outbox: asyncio.Queue[Json]) -> None:
        try:
            while True:
                await socket.send(json.dumps(await outbox.get(), separators=(",", ":")))
        except ConnectionClosed:
            pass  # the reader says so; `hello` asks how commands stand

    def _leave(self, code: int) -> None:
        self._dialed += 1
        if self._socket:
            self._spawn(self._socket.close(code))
        elif self._dialing:
            self._dialing.cancel()
        self._socket = None


def _text(core: Core, message: str | bytes, now: float) -> None:
    core.text(now, message if isinstance(message, str) else message.decode(errors="replace"))


class _Clock:
    """Milliseconds that go on while the machine sleeps and never go back.

    Of a clock that stops in sleep and one that somebody may set, the one that has gone further.
    """

    def __init__(self) -> None:
        self._wall, self._steady, self._now = time.time(), time.monotonic(), 0.0

    def now(self) -> float:
        wall, steady = time.time(), time.monotonic()
        self._now += max(wall - self._wall, steady - self._steady, 0.0) * 1000
        self._wall, self._steady = wall, steady
        return self._now
