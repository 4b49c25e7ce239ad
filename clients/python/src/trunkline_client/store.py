"""The state of the site as far as this desk may see it, folded from what the core tells."""

from __future__ import annotations

from typing import Any

from .fill import fill
from .proto import ENTITIES, Agent, Call, Duty, Figures, Line, Link
from .told import (
    Collections,
    DeskEvent,
    Gone,
    Happened,
    Keep,
    Merge,
    NewFigures,
    Position,
    Snapshot,
    Told,
)

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
        #: Boards of aggregate views by `kind:id`.
        self.figures: dict[str, Figures] = {}
        #: Position up to which the state is complete.
        self.position = ""

    def apply(self, told: Told) -> list[Gone]:
        """Gives the entities that left because they are seen no more."""
        match told:
            case Snapshot(pos, state):
                for name in _KEPT.values():
                    self._map(name).clear()
                self.figures.clear()
                self.position = pos
                self._put_all(state)
            case Merge(_, state):
                self._put_all(state)
            case Happened(event):
                self._reached(event.pos)
                self._event(event)
            case Gone():
                self._reached(told.pos)
                return [told] if self._leave(told.kind, told.id) else []
            case Keep(keep):
                return self._keep(set(keep))
            case NewFigures(figures):
                self._board(figures)
            case Position(pos):
                self._reached(pos)
        return []

    def _leave(self, kind: str, id: str) -> bool:
        return kind in _KEPT and self._map(_KEPT[kind]).pop(id, None) is not None

    def _keep(self, keep: set[tuple[str, str]]) -> list[Gone]:
        """The server cannot say what left while it read its journal, but what is left."""
        gone = []
        for kind, name in _KEPT.items():
            for id in [id for id in self._map(name) if (kind, id) not in keep]:
                self._leave(kind, id)
                gone.append(Gone(kind, id, "scope"))
        return gone

    def _board(self, figures: Figures) -> None:
        self.figures[f"{figures.kind}:{figures.id}"] = figures

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
        for figures in state.figures:
            self._board(figures)

    def _put(self, name: str, entity: Any, over: bool) -> None:
        known = self._map(name).get(entity.id)
        if known and known.rev > entity.rev:
            return  # a later snapshot was ahead of this event
        if over:
            self._map(name).pop(entity.id, None)
        else:
            self._map(name)[entity.id] = entity
