"""The TypeScript client in Chromium: tabs that share one socket, and tabs that sleep."""

from __future__ import annotations

import asyncio
import json
import unittest
from contextlib import AsyncExitStack
from typing import Any

from desks import HERE, Witness
from relay import Relay
from site_up import Peer, Site

SUBS = [{"id": "c", "topic": "calls:own"}, {"id": "a", "topic": "agent:self"}]


class Browser:
    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._orders = 0

    async def do(self, what: str, tab: str, **more: Any) -> Any:
        self._orders += 1
        n = self._orders
        self.peer.order(do=what, tab=tab, n=n, **more)
        answer = await self.peer.until(f"{what} {tab}", lambda r: r.get("answer") == n)
        assert "trouble" not in answer, answer
        return answer["value"]

    @property
    def asked(self) -> int:
        return len([report for report in self.peer.reports if "asked" in report])


class Tabs(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)
        self.ends = AsyncExitStack()
        self.addAsyncCleanup(self.ends.aclose)
        self.site = site = await self.ends.enter_async_context(Site.up())
        token = await site.agent_token("alice", "8001")
        (site.folder / "token").write_text(token)
        self.relay = await self.ends.enter_async_context(Relay.up(site.http, 1, calm=True))
        options = {
            "url": f"ws://{self.relay.address}/v1/events",
            "subs": SUBS,
            "token_file": str(site.folder / "token"),
            "page": site.page,
        }
        peer = await Peer.start("node", str(HERE / "browser.mjs"), json.dumps(options))
        self.ends.push_async_callback(peer.end)
        await peer.until("a browser", lambda r: r.get("up"))
        self.browser = Browser(peer)
        self.witness = await self.ends.enter_async_context(Witness.up(site, token, SUBS))
        await self.witness.live()

    async def calls(self, count: int) -> None:
        for _ in range(count):
            self.site.call("8001")
            await asyncio.sleep(0.1)

    async def check(self, *tabs: str) -> None:
        """Each tab was told what the witness was told, from its own snapshot on."""
        end = await self.witness.quiet()
        for tab in tabs:
            for _ in range(100):
                account = await self.browser.do("account", tab)
                if int(account["position"]) >= int(end):
                    break
                await asyncio.sleep(0.1)
            wanted = self.witness.events(account["snapshots"][0])
            self.assertEqual([tuple(event) for event in account["events"]], wanted)
            self.assertEqual(len(account["snapshots"]), 1, f"{tab}: never started anew")
            self.assertEqual(account["calls"], [], "every call is over")
            print(f"{tab}: {len(wanted)} events")

    async def test_tabs_share_one_socket(self) -> None:
        do = self.browser.do
        await do("open", "first")
        await do("open", "second")
        self.assertEqual(await self.site.metric("desk_sockets"), 2, "one of the tabs, the witness's")
        self.assertEqual(self.browser.asked, 1)
        await self.calls(5)
        await do("open", "third")  # in the middle of calls
        await self.calls(5)
        self.assertEqual(await do("command", "second", op="agent.login", args={}), "ok")
        refused = await do("command", "third", op="agent.state", args={"state": "asleep"})
        self.assertEqual(refused, "BAD_REQUEST")
        await self.check("first", "second", "third")
        agents = [(await do("account", tab))["agents"] for tab in ("first", "second", "third")]
        self.assertEqual(agents, [[["alice", "not_ready"]]] * 3)

        # The tab that gave the token is closed, then the socket is lost.
        await do("close", "first")
        self.relay.cut_all()
        await self.calls(5)
        await self.check("second", "third")
        self.assertEqual(await self.site.metric("desk_sockets"), 2)
        self.assertGreaterEqual(self.browser.asked, 2)
        self.assertEqual(self.relay.connections, 2, "two in the end: the first and its successor")

        await do("close", "second")
        await do("close", "third")
        for _ in range(50):
            if await self.site.metric("desk_sockets") == 1:
                break
            await asyncio.sleep(0.1)
        self.assertEqual(await self.site.metric("desk_sockets"), 1, "the last tab closes the socket")

    async def test_tabs_that_sleep_miss_nothing(self) -> None:
        do = self.browser.do
        await do("open", "shared")
        await do("open", "alone", alone=True)
        for tab in ("shared", "alone"):
            await do("sleep", tab, ms=4000)
        await self.calls(20)
        # The worker goes on answering while its tab sleeps; a tab with a socket of its own cannot.
        self.assertEqual(await self.site.metric("desk_silent_closed"), 1)
        await self.check("shared", "alone")


if __name__ == "__main__":
    unittest.main()
