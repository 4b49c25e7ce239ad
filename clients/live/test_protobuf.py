"""A desk in protobuf against the real server: what it is told is what a desk in JSON is told."""

from __future__ import annotations

import asyncio
import contextlib
import unittest
from contextlib import AsyncExitStack
from typing import Any

from desks import SITE_SUBS, Witness
from protobuf_form import frame_of, plain, read
from site_up import PATIENCE_S, Site
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

JSON, PROTOBUF = Subprotocol("trunkline.v1.json"), Subprotocol("trunkline.v1.pb")


class ProtobufDesk:
    """As little as a desk can be; heartbeats are answered whatever else happens."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[Any] = []
        self._frames: asyncio.Queue[Any] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    async def say(self, **frame: Any) -> None:
        await self.socket.send(frame_of(frame))

    async def _read(self) -> None:
        async for data in self.socket:
            assert isinstance(data, bytes), "binary messages alone"
            frame = read(data)
            if frame["t"] == "ev":
                self.events.append(frame)
            if frame["t"] == "hb":
                assert frame.get("n", 0) == len(self.events), "a gap"
                await self.say(t="hb", pos=frame["pos"], n=len(self.events))
            self._frames.put_nowait(frame)

    async def until(self, kind: str, times: int = 1) -> Any:
        while True:
            frame = await asyncio.wait_for(self._frames.get(), PATIENCE_S)
            assert frame["t"] == kind or frame["t"] != "err", frame
            times -= frame["t"] == kind
            if not times:
                return frame

    async def reach(self, position: str) -> None:
        while int((await self.until("hb"))["pos"]) < int(position):
            pass

    async def closed(self) -> int | None:
        """The code, once the server has closed."""
        with contextlib.suppress(ConnectionClosed):
            await asyncio.wait_for(self._reader, PATIENCE_S)
        return self.socket.close_code


class Protobuf(unittest.IsolatedAsyncioTestCase):
    async def test_a_desk_in_protobuf_is_told_what_one_in_json_is_told(self) -> None:
        async with AsyncExitStack() as ends:
            site = await ends.enter_async_context(Site.up())
            token = await site.token("boss", role="supervisor")
            witness = await ends.enter_async_context(Witness.up(site, token, SITE_SUBS))
            await witness.live()
            url = f"ws://{site.http}/v1/events"

            async def desk(resume: dict[str, str] | None = None) -> ProtobufDesk:
                socket = await connect(url, subprotocols=[PROTOBUF, JSON])
                ends.push_async_callback(socket.close)
                self.assertEqual(socket.subprotocol, PROTOBUF)
                desk = ProtobufDesk(socket)
                more = {"resume": resume} if resume else {}
                hello = {"auth": {"token": token}, "client": {"name": "pb"}, "subs": SITE_SUBS}
                await desk.say(t="hello", **hello, **more)
                return desk

            first = await desk()
            welcome = await first.until("welcome")
            self.assertFalse(welcome.get("resumed", False))
            start = (await first.until("snap", len(SITE_SUBS)))["pos"]
            for _ in range(5):
                site.call("8001")
                await asyncio.sleep(0.1)
            await first.reach(await witness.quiet())
            self.check(witness, start, first)

            # Away, back, and what came meanwhile.
            end = first.events[-1]["pos"]
            await first.socket.close()
            site.call("8002")
            head = await witness.quiet()
            resume = {"epoch": welcome["epoch"], "pos": end, "scope": welcome["scope"]}
            again = await desk(resume)
            self.assertTrue((await again.until("welcome"))["resumed"])
            replayed = await again.until("replayed")
            self.assertEqual(replayed["count"], len(again.events))
            await again.reach(head)
            self.check(witness, end, again)

            # A command that cannot be done, and text.
            call = "0198c0de-0000-7000-8000-00000000000a"
            await again.say(t="cmd", id=call, op="call.hangup", target={"call": call})
            self.assertEqual((await again.until("err"))["ref"], call)
            await again.socket.send('{"t":"hb"}')
            self.assertEqual((await again.until("err"))["code"], "UNSUPPORTED")
            self.assertEqual(await again.closed(), 1003)

    def check(self, witness: Witness, after: str, desk: ProtobufDesk) -> None:
        frames = [f for f in witness.frames if f["t"] == "ev" and int(f["pos"]) > int(after)]
        self.assertGreater(len(frames), 5)
        self.assertEqual(plain(desk.events), plain(frames[: len(desk.events)]))
        self.assertEqual(len(desk.events), len(frames))


if __name__ == "__main__":
    unittest.main()
