"""The protocol as a machine.

What comes in from the socket, the clock and the program goes in, what is to be done comes out. No
socket, timer or randomness of its own, so that proto/vectors plays it on a clock of its own. `now`
is in ms; the rules are those of docs/desk-protocol.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from math import inf

from .fill import Json, fill
from .follow import Follow
from .orders import Order, Orders
from .proto import Welcome
from .told import Complaint, Health, NewFigures, StatusChange, Told, Welcomed

#: From the dial to `welcome`.
WELCOME_MS_MAX = 10_000
#: The server beats every `hb_ms`, give or take a tenth: beyond this it is gone.
SILENCE_BEATS = 1.5
#: Between two refreshes: who gives tokens that end soon must not flood the server.
REFRESH_MS = 10_000
#: Closes that say that somebody has a bug: to connect again would not help.
BUGS = (1002, 1003, 1007, 1009)


@dataclass(slots=True)
class Sub:
    """One subscription."""

    #: Name of your own, unique on this desk.
    id: str
    topic: str
    #: full | masked; empty: the best that the role allows.
    view: str = ""
    #: Labels and the values that are wanted.
    filter: dict[str, list[str]] = field(default_factory=dict)

    def frame(self) -> Json:
        frame: Json = {"id": self.id, "topic": self.topic}
        if self.view:
            frame["view"] = self.view
        if self.filter:
            frame["filter"] = self.filter
        return frame


@dataclass(slots=True)
class Ticket:
    """Good once. It cannot refresh: the next connection has another."""

    ticket: str


#: What says who this is. Empty: a client certificate does.
Token = str | Ticket


@dataclass(slots=True)
class CoreOptions:
    client: dict[str, str]
    subs: list[Sub]
    #: Optional features, e.g. `batch`.
    caps: list[str]
    #: Longest first wait after a lost connection; doubles up to the largest.
    backoff_first_ms: float
    backoff_max_ms: float
    #: From 0 to 1.
    random: Callable[[], float]


@dataclass(slots=True)
class AskToken:
    pass


@dataclass(slots=True)
class Dial:
    pass


@dataclass(slots=True)
class Send:
    frame: Json


@dataclass(slots=True)
class Close:
    """Nothing more comes from that socket."""

    code: int


@dataclass(slots=True)
class Tell:
    told: Told


#: What the driver has to do.
Action = AskToken | Dial | Send | Close | Tell


class _Phase(Enum):
    OFF = 0
    TOKEN = 1
    DIALING = 2
    GREETING = 3
    OPEN = 4
    WAITING = 5


_WITH_SOCKET = (_Phase.DIALING, _Phase.GREETING, _Phase.OPEN)


class Core:
    def __init__(self, options: CoreOptions) -> None:
        self._options = options
        self._follow = Follow()
        self._orders = Orders(self._send, self._tell)
        self._phase = _Phase.OFF
        self._until = inf
        self._subs = {sub.id: sub for sub in options.subs}
        # Subscriptions that the server of this socket knows, in their order.
        self._said: dict[str, None] = {}
        self._token: Token = ""
        self._refreshing = False
        # When a token is asked for to refresh with, and when one was.
        self._refresh_at = inf
        self._refreshed = -inf
        self._heard = 0.0
        self._beat_ms = 0
        self._tries = 0
        self._goaway: tuple[int, int] | None = None
        # The newest `err` that was about the socket itself.
        self._complaint = ""
        self._health = ""
        self._live = False
        self._out: list[Action] = []

    def take(self) -> list[Action]:
        """What is to be done since the last call, in this order."""
        self._take_told()
        out, self._out = self._out, []
        return out

    def wake_at(self) -> float:
        """When `tick` is to be called, ms."""
        own = self._until if self._phase is _Phase.WAITING else inf
        lost = self._heard + self._silence_max() if self._phase in _WITH_SOCKET else inf
        return min(own, lost, self._refresh_at, self._orders.wake_at())

    def start(self, now: float) -> None:
        if self._phase is _Phase.OFF:
            self._connect(now)

    def stop(self) -> None:
        """The program wants no more."""
        if self._phase in _WITH_SOCKET:
            self._do(Close(1000))
        self._stopped(StatusChange("stopped"))

    def token(self, now: float, token: Token) -> None:
        """The program's answer to `AskToken`."""
        another = token != self._token
        self._token = token
        if self._phase is _Phase.TOKEN:
            self._phase = _Phase.DIALING
            self._heard = now
            self._do(Dial())
        elif self._refreshing and isinstance(token, str):
            # An empty one says that a certificate is meant: there is nothing to refresh with.
            if token and another:
                self._send({"t": "auth.refresh", "token": token})
            else:
                self._refresh_at = now + REFRESH_MS
        self._refreshing = False

    def token_failed(self, now: float, reason: str) -> None:
        if self._refreshing:
            self._refresh_at = now + REFRESH_MS
        self._refreshing = False
        if self._phase is _Phase.TOKEN:
            self._wait(now, None, f"no token: {reason}")

    def opened(self, now: float) -> None:
        """The socket is open."""
        if self._phase is not _Phase.DIALING:
            return
        self._phase = _Phase.GREETING
        self._heard = now
        hello: Json = {"t": "hello"}
        if isinstance(self._token, Ticket):
            hello["auth"] = {"ticket": self._token.ticket}
        elif self._token:
            hello["auth"] = {"token": self._token}
        hello["client"] = self._options.client
        if self._options.caps:
            hello["caps"] = self._options.caps
        hello["subs"] = [sub.frame() for sub in self._subs.values()]
        self._said = dict.fromkeys(self._subs)
        if resume := self._follow.resume():
            hello["resume"] = resume
        if pending := self._orders.pending():
            hello["pending"] = pending
        self._send(hello)

    def closed(self, now: float, code: int, reason: str) -> None:
        """The socket is gone. 1006: without a close frame."""
        if self._phase not in _WITH_SOCKET:
            return
        reason = self._complaint or reason
        if code == 1000 or code in BUGS or 4500 <= code < 4600:
            self._stopped(StatusChange("stopped", code, reason))
            return
        if code == 4009:
            self._follow.forget()
        self._wait(now, code, reason)

    def tick(self, now: float) -> None:
        self._orders.tick(now)
        if self._phase is _Phase.WAITING:
            if now >= self._until:
                self._connect(now)
        elif self._phase in _WITH_SOCKET and now >= self._heard + self._silence_max():
            self._abandon(now, "the server is silent")
        else:
            self._refresh(now)

    def command(self, now: float, order: Order) -> None:
        self._orders.give(now, order)

    def subscribe(self, sub: Sub) -> None:
        if sub.id not in self._subs:
            self._subs[sub.id] = sub
            self._subscribe_late()

    def unsubscribe(self, id: str) -> None:
        if self._subs.pop(id, None) is None:
            return
        self._follow.close(id)
        if self._live and id in self._said:
            del self._said[id]
            self._send({"t": "unsub", "id": id})
        self._check_live()

    def text(self, now: float, text: str) -> None:
        """A text message of the server. What is not known is passed over."""
        if self._phase not in (_Phase.GREETING, _Phase.OPEN):
            return
        self._heard = now
        try:
            frame = json.loads(text)
            if isinstance(frame, dict):
                self._frame(now, frame)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            self._abandon(now, f"a frame that cannot be read: {type(error).__name__}")

    def _frame(self, now: float, frame: Json) -> None:
        if self._phase not in _WITH_SOCKET:
            return  # given up in the middle of a batch
        match frame.get("t"):
            case "welcome":
                self._welcome(now, fill("Welcome", frame))
            case "snap":
                self._follow.snap(frame)
                self._check_live()
            case "ev":
                self._follow.ev(frame)
            case "batch":
                for item in frame.get("items", []):
                    self._frame(now, item)
            case "replayed":
                if not self._follow.replayed(frame):
                    self._abandon(now, "a gap")
                self._check_live()
            case "hb":
                self._heartbeat(now, frame)
            case "ack":
                self._orders.ack(frame.get("id", ""), frame.get("pos", ""))
            case "result":
                self._orders.result(fill("CommandResult", frame))
            case "err":
                self._err(now, frame)
            case "gone":
                self._follow.gone(frame)
            case "scope":
                self._follow.scope(frame.get("pos", ""), frame.get("scope", ""))
            case "count":
                self._tell(NewFigures(fill("Figures", frame.get("o"))))
            case "goaway":
                self._goaway = (frame.get("after_ms", 0), frame.get("spread_ms", 0))
            case "auth.expiring":
                if not self._refreshing:
                    self._refresh_at = max(now, self._refreshed + REFRESH_MS)
                self._refresh(now)

    def _welcome(self, now: float, welcome: Welcome) -> None:
        self._phase = _Phase.OPEN
        self._beat_ms = welcome.hb_ms
        expires = welcome.auth_exp or ""
        self._tell(Welcomed(welcome.epoch, welcome.resumed, welcome.why, expires))
        self._health_is(welcome.health)
        self._follow.welcome(welcome, [id for id in self._said if id in self._subs])
        self._orders.welcome(now, welcome.time or "", welcome.commands)
        self._check_live()

    def _refresh(self, now: float) -> None:
        if now >= self._refresh_at:
            self._refresh_at = inf
            self._refreshed = now
            self._refreshing = True
            self._do(AskToken())

    def _heartbeat(self, now: float, frame: Json) -> None:
        if not self._follow.heartbeat(frame.get("pos", ""), frame.get("n", 0)):
            self._abandon(now, "a gap")
            return
        self._tries = 0  # a connection that lives, and is proved to be whole
        self._health_is(frame.get("health", ""))
        self._send({"t": "hb", "pos": self._follow.pos or "0", "n": self._follow.count})

    def _err(self, now: float, frame: Json) -> None:
        err = fill("Err", frame)
        if self._orders.err(now, err, frame.get("details")):
            return
        if not err.ref:
            self._complaint = f"{err.code}: {err.msg}"
        elif err.ref in self._subs:
            self._follow.close(err.ref)
        self._tell(Complaint(err.ref, err.code, err.msg))
        self._check_live()

    def _check_live(self) -> None:
        """Says once that everything is there, and what was subscribed to on the way."""
        if self._live or self._phase is not _Phase.OPEN or not self._follow.is_live:
            return
        self._live = True
        self._tell(StatusChange("live"))
        self._subscribe_late()

    def _subscribe_late(self) -> None:
        if not self._live:
            return
        for sub in self._subs.values():
            if sub.id not in self._said:
                self._said[sub.id] = None
                self._send({"t": "sub", **sub.frame()})

    def _connect(self, now: float) -> None:
        self._phase = _Phase.TOKEN
        self._heard = now
        self._beat_ms = 0
        self._complaint = ""
        self._goaway = None
        self._tell(StatusChange("connecting"))
        self._do(AskToken())

    def _abandon(self, now: float, reason: str) -> None:
        """This socket is of no more use."""
        if self._phase not in _WITH_SOCKET:
            return
        self._do(Close(4000))
        self._wait(now, None, reason)

    def _wait(self, now: float, code: int | None, reason: str) -> None:
        self._left()
        options = self._options
        most = min(options.backoff_max_ms, options.backoff_first_ms * 2.0**self._tries)
        if self._goaway:
            after, spread = self._goaway
            ms = after + options.random() * spread
        else:
            ms = options.random() * most
        self._tries = min(self._tries + 1, 64)
        self._phase = _Phase.WAITING
        self._until = now + ms
        self._tell(StatusChange("waiting", code, reason, round(ms)))

    def _stopped(self, change: StatusChange) -> None:
        if self._phase is _Phase.OFF:
            return
        self._left()
        self._phase = _Phase.OFF
        self._orders.closed()
        self._tell(change)

    def _left(self) -> None:
        self._orders.lost()
        self._live = False
        self._refreshing = False
        self._refresh_at = inf
        self._said.clear()

    def _health_is(self, health: str) -> None:
        if health and health != self._health:
            self._health = health
            self._tell(Health(health))

    def _silence_max(self) -> float:
        return self._beat_ms * SILENCE_BEATS + 1000 if self._beat_ms else WELCOME_MS_MAX

    def _send(self, frame: Json) -> None:
        self._do(Send(frame))

    def _tell(self, told: Told) -> None:
        self._do(Tell(told))

    def _do(self, action: Action) -> None:
        self._take_told()
        self._out.append(action)

    def _take_told(self) -> None:
        self._out += [Tell(told) for told in self._follow.take()]


