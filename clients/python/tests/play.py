"""Plays the transcripts of proto/vectors on the core, with a clock that only they move."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from trunkline_client import told as t
from trunkline_client.core import AskToken, Close, Core, CoreOptions, Dial, Send, Sub, Tell, Ticket
from trunkline_client.fill import to_json
from trunkline_client.orders import Order
from trunkline_client.store import Store


def line(told: t.Told) -> str:
    """A line of a transcript for what the program is told."""
    words: list[Any]
    match told:
        case t.StatusChange(status, code, _, wait):
            words = ["status", status, code, None if wait is None else f"{wait} ms"]
        case t.Welcomed():
            words = ["welcome", told.why]
        case t.Snapshot(pos, _):
            words = ["snapshot", pos]
        case t.Position(pos):
            words = ["position", pos]
        case t.Merge(sub, _):
            words = ["merge", sub]
        case t.Keep(keep):
            words = ["keep", *(id for _, id in keep)]
        case t.NewFigures(figures):
            words = ["figures", f"{figures.kind}:{figures.id}"]
        case t.Missed(calls):
            words = ["missed", *(call.id for call in calls)]
        case t.Happened(event):
            words = ["event", event.pos, event.k, event.caused_by]
        case t.Gone(kind, id, why, _):
            words = ["gone", kind, id, why]
        case t.Health(health):
            words = ["health", health]
        case t.Gap(server, here):
            words = ["gap", server, here]
        case t.Acked(id, _):
            words = ["ack", id]
        case t.Done(result):
            words = ["result", result.id, result.status]
        case t.Refused(id, refusal):
            sure = "nothing done" if refusal.nothing_done else "open"
            words = ["refused", id, refusal.code, sure]
        case t.Complaint(ref, code, _):
            words = ["error", ref, code]
    return " ".join(str(word) for word in words if word not in (None, ""))


class Player:
    def __init__(self, vector: dict[str, Any]) -> None:
        options = vector["options"]
        self.core = Core(
            CoreOptions(
                client={"name": "desk", "ver": "2.1", "inst": "b7"},
                subs=[Sub(**sub) for sub in options.get("subs", [])],
                caps=options.get("caps", []),
                backoff_first_ms=500,
                backoff_max_ms=30_000,
                random=lambda: vector["random"],
            )
        )
        self.store = Store()
        self.now = 0.0
        self.done: list[Any] = []
        self.told: list[str] = []

    def step(self, step: dict[str, Any], place: str) -> None:
        """One step; its place is named when it does not hold."""
        [(name, what)] = step.items()
        if name in ("client", "asks", "closes"):
            expected = {"asks": {"asks": what}, "closes": {"closes": what}}.get(name, what)
            did = self.done.pop(0) if self.done else "nothing"
            assert did == expected, f"{place}: the client did {did}"
        elif name == "told":
            assert self.told == what, f"{place}: the program was told {self.told}"
            self.told = []
        elif name == "position":
            assert self.store.position == what, f"{place}: {self.store.position}"
        elif name == "state":
            for kind, wanted in what.items():
                found = sorted(getattr(self.store, kind).values(), key=lambda e: str(e.id))
                plain = list(map(asdict, found)) if kind == "figures" else to_json(found)
                assert plain == wanted, f"{place}: {kind} are {plain}"
        else:
            assert not self.done, f"{place}: before it, the client did {self.done}"
            self.give(name, what)
            self.take()

    def give(self, name: str, what: Any) -> None:
        core, now = self.core, self.now
        match name:
            case "start":
                core.start(now)
            case "stop":
                core.stop()
            case "token":
                core.token(now, Ticket(**what) if isinstance(what, dict) else what)
            case "no-token":
                core.token_failed(now, what)
            case "open":
                core.opened(now)
            case "server":
                core.text(now, json.dumps(what))
            case "text":
                core.text(now, what)
            case "close":
                core.closed(now, what, "")
            case "wait":
                self.wait(what)
            case "command":
                order = {k: v for k, v in what.items() if k != "if"}
                core.command(now, Order(**order, if_rev=what.get("if", {}).get("rev")))
            case "subscribe":
                core.subscribe(Sub(**what))
            case "unsubscribe":
                core.unsubscribe(what)
            case _:
                raise AssertionError(f"no such step: {name}")

    def take(self) -> None:
        for action in self.core.take():
            match action:
                case Tell(told):
                    self.store.apply(told)
                    self.told.append(line(told))
                case Send(frame):
                    self.done.append(json.loads(json.dumps(frame)))
                case AskToken():
                    self.done.append({"asks": "token"})
                case Dial():
                    self.done.append({"asks": "dial"})
                case Close(code):
                    self.done.append({"closes": code})

    def wait(self, ms: float) -> None:
        """The clock goes on; each timer fires at its moment."""
        end, ticks = self.now + ms, 0
        while (at := self.core.wake_at()) <= end:
            ticks += 1
            assert ticks <= 1000, "a timer that never ends"
            self.now = max(self.now, at)
            self.core.tick(self.now)
            self.take()
        self.now = end

    def end(self) -> None:
        assert not self.done, f"the client did {self.done}"
        assert not self.told, f"the program was told {self.told}"
