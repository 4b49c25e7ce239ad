"""A TCP relay that cuts its connections at random bytes, in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

from site_up import HOST


class Relay:
    def __init__(self, server: str, seed: int) -> None:
        host, port = server.rsplit(":", 1)
        self._server = (host, int(port))
        self._random = random.Random(seed)
        #: Nothing is cut any more.
        self.calm = False
        self.cuts = 0
        self.connections = 0
        self.address = ""
        self._writers: set[asyncio.StreamWriter] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def up(cls, server: str, seed: int, calm: bool = False) -> AsyncIterator[Relay]:
        relay = cls(server, seed)
        relay.calm = calm
        listener = await asyncio.start_server(relay._serve, HOST, 0)
        relay.address = f"{HOST}:{listener.sockets[0].getsockname()[1]}"
        try:
            yield relay
        finally:
            listener.close()

    def cut_all(self) -> None:
        """Every connection is lost at once."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, desk: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.connections += 1
        # Most connections live long enough to say something, some not even to be answered.
        down_max = self._random.choice([300, 2_500, 9_000, 25_000])
        left = {"down": self._random.randrange(down_max), "up": self._random.randrange(3_000)}
        server, forth = await asyncio.open_connection(*self._server)
        self._writers |= {back, forth}

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: str) -> None:
            with contextlib.suppress(OSError):
                while chunk := await source.read(1400):
                    cut = not self.calm and len(chunk) > left[way]
                    sink.write(chunk[: left[way]] if cut else chunk)
                    await sink.drain()
                    left[way] -= len(chunk)
                    if cut:
                        self.cuts += 1
                        return

        pumps = [
            asyncio.create_task(pump(server, back, "down")),
            asyncio.create_task(pump(desk, forth, "up")),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for writer in (back, forth):
            writer.transport.abort()
            self._writers.discard(writer)
