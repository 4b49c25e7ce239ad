"""Subscriptions that change, tokens that are refreshed, figures: on one socket."""

from __future__ import annotations

import asyncio
import unittest
from contextlib import AsyncExitStack

from desks import DESKS, Desk
from site_up import Site

SUBS = [{"id": "c", "topic": "site:calls"}]


class Changes(unittest.IsolatedAsyncioTestCase):
    async def test_a_socket_outlives_changes_and_its_first_token(self) -> None:
        asyncio.get_running_loop().set_debug(False)
        async with AsyncExitStack() as ends:
            site = await ends.enter_async_context(Site.up())
            # `auth.expiring` comes 60 s before the end.
            short = await site.token("boss", "--expires", "55s", role="supervisor")
            long = await site.token("boss", role="supervisor")
            for kind in DESKS:
                up = Desk.up(site, kind, site.http, short, SUBS)
                desk = await ends.enter_async_context(up)
                await desk.live()
                desk.give_token(long)
                await desk.peer.until("a refresh", lambda _, d=desk: len(d.said("asked")) >= 2)
                desk.peer.order(do="subscribe", id="a", topic="site:agents")
                await desk.peer.until("agents", lambda _, d=desk: len(d.said("snapshot")) == 2)
                desk.peer.order(do="subscribe", id="f", topic="site:calls", view="aggregate")
                await desk.peer.until("boards", lambda _, d=desk: len(d.said("snapshot")) == 3)
                report = await desk.report("0")
                self.assertEqual([agent[0] for agent in report["agents"]], ["alice", "bob"])
                site.call("8003")
                await desk.peer.until("figures", lambda r: r.get("board") == "line:north")
                desk.peer.order(do="unsubscribe", id="a")
                await desk.peer.until("bob is gone", lambda r: r.get("gone") == "bob")
                self.assertEqual((await desk.report("0"))["agents"], [])
                states = [change["status"] for change in desk.said("status")]
                self.assertEqual(states, ["connecting", "live"], "one socket all the time")


if __name__ == "__main__":
    unittest.main()
