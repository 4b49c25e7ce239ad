"""The clients against the real server: cut sockets, sleeping programs, tokens that end, commands."""

from __future__ import annotations

import asyncio
import random
import signal
import unittest
from contextlib import AsyncExitStack
from typing import Any

from desks import AGENT_SUBS, DESKS, SITE_SUBS, Desk, Witness
from relay import Relay
from site_up import Site

SEED = 20260105
CUTS = 80


class Live(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)
        self.ends = AsyncExitStack()
        self.addAsyncCleanup(self.ends.aclose)
        self.site = await self.ends.enter_async_context(Site.up())
        self.boss = await self.site.token("boss", role="supervisor")

    async def relay(self, seed: int, calm: bool = False) -> Relay:
        return await self.ends.enter_async_context(Relay.up(self.site.http, seed, calm))

    async def desk(self, kind: str, address: str, token: str, subs: Any = SITE_SUBS) -> Desk:
        desk = Desk.up(self.site, kind, address, token, subs)
        return await self.ends.enter_async_context(desk)

    async def witness(self, token: str, subs: Any = SITE_SUBS) -> Witness:
        witness = await self.ends.enter_async_context(Witness.up(self.site, token, subs))
        await witness.live()
        return witness

    async def test_sockets_cut_at_random_bytes_leave_no_trace(self) -> None:
        witness = await self.witness(self.boss)
        relays, desks = {}, {}
        for number, kind in enumerate(DESKS):
            relays[kind] = await self.relay(SEED + number, calm=True)
            desks[kind] = await self.desk(kind, relays[kind].address, self.boss)
            await desks[kind].live()
        for relay in relays.values():
            relay.calm = False
        dice = random.Random(SEED)
        for _ in range(400):
            self.site.call(dice.choice(["8001", "8002", "8003"]))
            await asyncio.sleep(dice.random() * 0.06)
            if all(relay.cuts >= CUTS for relay in relays.values()):
                break
        for relay in relays.values():
            relay.calm = True
        end = await witness.quiet()
        for kind, desk in desks.items():
            report = await desk.report(end)
            compared = witness.check(desk)
            print(f"{kind}: {relays[kind].cuts} cuts, {compared} events")
            self.assertGreaterEqual(relays[kind].cuts, CUTS)
            self.assertGreater(compared, 300)
            self.assertEqual(report["calls"], [], "every call is over")
            self.assertEqual([agent[0] for agent in report["agents"]], ["alice", "bob"])
        self.assertGreaterEqual(await self.site.metric("desk_resumes"), CUTS)

    async def test_a_program_that_slept_is_told_what_it_missed(self) -> None:
        witness = await self.witness(self.boss)
        desks = {kind: await self.desk(kind, self.site.http, self.boss) for kind in DESKS}
        for desk in desks.values():
            await desk.live()
        self.site.call("8001")
        await asyncio.sleep(0.5)
        for desk in desks.values():
            desk.peer.signal(signal.SIGSTOP)
        for _ in range(20):  # more than a heartbeat and the time for its answer
            self.site.call("8002")
            await asyncio.sleep(0.1)
        for _ in range(100):
            if await self.site.metric("desk_silent_closed") >= len(desks):
                break
            await asyncio.sleep(0.1)
        self.assertEqual(await self.site.metric("desk_silent_closed"), len(desks))
        for desk in desks.values():
            desk.peer.signal(signal.SIGCONT)
        end = await witness.quiet()
        for kind, desk in desks.items():
            await desk.report(end)
            print(f"{kind}: slept, {witness.check(desk)} events")
            self.assertEqual(len(desk.said("snapshot")), 1, "resumed, not started anew")

    async def test_a_token_that_ends_is_asked_for_again(self) -> None:
        subs = [{"id": "c", "topic": "calls:own"}]
        short = await self.site.ending_token("alice", "8001", 8)
        long = await self.site.agent_token("alice", "8001")
        witness = await self.witness(long, subs)
        desks = {kind: await self.desk(kind, self.site.http, short, subs) for kind in DESKS}
        for desk in desks.values():
            await desk.live()
            desk.give_token(long)
        for _ in range(300):
            self.site.call("8001")
            await asyncio.sleep(0.1)
            if all(len(desk.said("asked")) >= 2 for desk in desks.values()):
                break
        end = await witness.quiet()
        for kind, desk in desks.items():
            await desk.report(end)
            print(f"{kind}: token ended, {witness.check(desk)} events")
            self.assertGreaterEqual(len(desk.said("asked")), 2)
            self.assertEqual(len(desk.said("snapshot")), 1, "resumed, not started anew")

    async def test_a_token_that_is_refused_stops_the_desk(self) -> None:
        for kind in DESKS:
            desk = await self.desk(kind, self.site.http, "not.a.token")
            stopped = await desk.peer.until("the end", lambda r: r.get("status") == "stopped")
            self.assertEqual(stopped["code"], 4500)
            self.assertIn("UNAUTHENTICATED", stopped["reason"])

    async def test_commands_across_cuts_run_once_or_not_at_all(self) -> None:
        witness = await self.witness(self.boss)
        whose = dict(zip(DESKS, [("alice", "8001"), ("bob", "8002")], strict=True))
        runs = [self.commands(kind, *who) for kind, who in whose.items()]
        done = await asyncio.gather(*runs)
        await witness.quiet()
        for kind, (ends, cuts) in zip(whose, done, strict=True):
            agent = whose[kind][0]
            changes = [
                (frame.get("caused_by"), frame["o"].get("reason"))
                for frame in witness.frames
                if frame["t"] == "ev" and frame["k"] == "agent.not_ready"
                if frame["o"]["id"] == agent and frame["o"].get("reason", "").startswith("r")
            ]
            reasons = [reason for _, reason in changes]
            self.assertEqual(len(set(reasons)), len(reasons), "none ran twice")
            ran = [reason for reason, end in ends.items() if end["status"] == "ok"]
            idle = [reason for reason, end in ends.items() if end.get("nothing")]
            print(f"{kind}: {cuts} cuts, {len(ran)} ran, {len(idle)} did not, of {len(ends)}")
            self.assertEqual(len(ran) + len(idle), len(ends), f"of each the end is known: {ends}")
            self.assertEqual(sorted(reasons), sorted(ran), "what is said to have run has run")
            self.assertGreater(len(ran), 10)
            self.assertGreater(cuts, 20)

    async def commands(self, kind: str, agent: str, device: str) -> tuple[dict[str, Any], int]:
        """Sets one reason after the other by a socket that is cut; gives what became of each."""
        relay = await self.relay(SEED + len(kind), calm=True)
        token = await self.site.agent_token(agent, device)
        desk = await self.desk(kind, relay.address, token, AGENT_SUBS)
        await desk.live()

        async def order(args: dict[str, str], op: str = "agent.state") -> Any:
            before = len(desk.said("done"))
            desk.peer.order(do="command", op=op, args=args, within_ms=1500)
            await desk.peer.until("a result", lambda _: len(desk.said("done")) > before)
            return desk.said("done")[-1]

        login = await order({}, "agent.login")
        self.assertEqual(login["status"], "ok")
        relay.calm = False
        ends = {}
        for number in range(150):
            reason = f"r{number}"
            ends[reason] = await order({"state": "not_ready", "reason": reason})
            if relay.cuts >= 40 and number >= 40:
                break
        return ends, relay.cuts


if __name__ == "__main__":
    unittest.main()
