"""What the protocol core tells the rest of the client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .proto import Agent, Call, CommandResult, Detail, Duty, Figures, Line, Link

Entity = TypeVar("Entity")


@dataclass(slots=True)
class DeskEvent(Generic[Entity]):
    """Something happened. `o` is the whole entity after it."""

    #: Position in the site's log, a decimal string.
    pos: str
    #: When trunkline made the event, RFC 3339.
    ts: str
    #: What happened: call.delivered, agent.ready, ...
    k: str
    #: The entity after the event.
    o: Entity
    #: Facts of this event alone.
    d: Detail | None = None
    #: Command that led to it, if any.
    caused_by: str = ""


@dataclass(slots=True)
class Collections:
    """What is there at one position."""

    calls: list[Call] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    duties: list[Duty] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    figures: list[Figures] = field(default_factory=list)


@dataclass(slots=True)
class StatusChange:
    """How the connection stands.

    `connecting`: on the way to a socket, or catching up. `live`: everything known is up to date.
    `waiting`: the connection is lost and is tried again. `stopped`: it is not tried again.
    """

    status: str
    #: Close code, if a socket was closed. 1006: without a close frame.
    code: int | None = None
    #: Why, for a person.
    reason: str = ""
    #: waiting: time to the next try.
    retry_in_ms: int | None = None


@dataclass(slots=True)
class Refusal:
    """Why a command was not carried out, or that nobody knows."""

    code: str
    msg: str
    retryable: bool
    #: It is certain that nothing was done.
    nothing_done: bool
    #: CONFLICT: the entity as it is, as it came.
    details: Any = None


@dataclass(slots=True)
class Welcomed:
    epoch: str
    resumed: bool
    why: str
    auth_exp: str


@dataclass(slots=True)
class Snapshot:
    pos: str
    state: Collections


@dataclass(slots=True)
class Merge:
    sub: str
    state: Collections


@dataclass(slots=True)
class Missed:
    calls: list[Call]


@dataclass(slots=True)
class Happened:
    event: DeskEvent[Any]


@dataclass(slots=True)
class Gone:
    """An entity that this desk may see no more (`scope`), or that is over (`ended`)."""

    #: call | agent | line | duty | link.
    kind: str
    id: str
    why: str
    pos: str = ""


@dataclass(slots=True)
class Keep:
    """Kinds and ids of all that is seen: what else there is has left."""

    keep: list[tuple[str, str]]


@dataclass(slots=True)
class NewFigures:
    figures: Figures


@dataclass(slots=True)
class Position:
    pos: str


@dataclass(slots=True)
class Health:
    health: str


@dataclass(slots=True)
class Gap:
    server: int
    here: int


@dataclass(slots=True)
class Acked:
    id: str
    pos: str


@dataclass(slots=True)
class Done:
    result: CommandResult


@dataclass(slots=True)
class Refused:
    id: str
    refusal: Refusal


@dataclass(slots=True)
class Complaint:
    """What the server said of a subscription (`ref`) or of this connection."""

    ref: str
    code: str
    msg: str


Told = (
    StatusChange
    | Welcomed
    | Snapshot
    | Merge
    | Missed
    | Happened
    | Gone
    | Keep
    | NewFigures
    | Position
    | Health
    | Gap
    | Acked
    | Done
    | Refused
    | Complaint
)
