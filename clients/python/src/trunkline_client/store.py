"""The state of the site as far as this desk may see it, folded from what the core tells."""

from __future__ import annotations

from typing import Any

from .fill import fill
from .proto import ENTITIES, Agent, Call, Duty, Line, Link
from .told import Collections, DeskEvent, Drop, Gone, Happened, Merge, Position, Snapshot, Told

#: Where entities of a kind are kept.
_KEPT = {"call": "calls", "agent": "agents", "line": "lines", "duty": "duties", "link": "links"}


def kind_of(k: str) -> str:
    """`call` of `call.delivered`, `decision` of `outbound.denied`."""
    word = k.split(".", 1)[0]
    return "decision" if word == "outbound" else word


def entity_of(k: str, raw: Any) -> Any:
    """The entity of an event of this kind; of a kind that is not known, as it came."""
    name = ENTITIES.get(k.split(".", 1)[0])
    return fill(name, raw) if name else raw


def collections_of(topic: str) -> list[str]:
    """Collections that a topic fills."""
    match topic:
        case "agent:self" | "site:agents":
            return ["agents"]
        case "site:lines":
            return ["lines", "duties"]
        case "site:links":
            return ["links"]
        case "site:health":
            return []
        case _:
            return ["calls"]


def _is_over(kind: str, entity: Any) -> bool:
    """A call that is over and a duty that is done leave; everything else stays as it last was."""
    if kind == "call":
        return bool(entity.state == "null")
    return kind == "duty" and entity.state != "running"


class Store:
    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.agents: dict[str, Agent] = {}
        self.lines: dict[str, Line] = {}
        self.duties: dict[str, Duty] = {}
        self.links: dict[str, Link] = {}
        #: Position up to which the state is complete.
        self.position = ""

    def apply(self, told: Told) -> None:
        match told:
            case Snapshot(pos, state):
                for name in _KEPT.values():
                    self._map(name).clear()
                self.position = pos
                self._put_all(state)
            case Merge(_, state):
                self._put_all(state)
            case Drop(collections):
                for name in collections:
                    self._map(name).clear()
            case Happened(event):
                self._reached(event.pos)
                self._event(event)
            case Gone(kind, id, _):
                if kind in _KEPT:
                    self._map(_KEPT[kind]).pop(id, None)
            case Position(pos):
                self._reached(pos)

    def _map(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = getattr(self, name)
        return found

    def _reached(self, pos: str) -> None:
        self.position = max(self.position, pos, key=lambda p: (len(p), p))

    def _event(self, event: DeskEvent[Any]) -> None:
        kind = kind_of(event.k)
        if kind in _KEPT:
            self._put(_KEPT[kind], event.o, _is_over(kind, event.o))

    def _put_all(self, state: Collections) -> None:
        for name in _KEPT.values():
            for entity in getattr(state, name):
                self._put(name, entity, False)

    def _put(self, name: str, entity: Any, over: bool) -> None:
        known = self._map(name).get(entity.id)
        if known and known.rev > entity.rev:
            return  # a later snapshot was ahead of this event
        if over:
            self._map(name).pop(entity.id, None)
        else:
            self._map(name)[entity.id] = entity
