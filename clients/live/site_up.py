"""The real server with a carrier and phones that call each other, in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("TRUNKLINE", ROOT / "target/debug/trunkline"))
#: All servers of these tests listen here.
HOST = "127.0.64.1"
PATIENCE_S = 30.0

CONFIG = """
[site]
name = "live"
data_dir = "{dir}/data"
master_key = "{dir}/master.key"
[sip]
listen = ["{sip}"]
[pbx.phones]
address = "{phones}"
sources = ["{phones}"]
[carrier.north]
address = "{carrier}"
sources = ["{carrier}"]
probe = {{ interval_s = 0 }}
[trunk]
primary = "north"
[gate]
ruleset = "cn-seed-service"
internal = ["8000-8999"]
[http]
listen = "{http}"
token_key = "{dir}/token.key"
origins = ["{origin}"]
[desk]
heartbeat_ms = 500
heartbeat_reply_ms = 500
sockets_per_user_max = 50
waiting_per_ip_max = 500
[admin]
socket = "{dir}/admin.sock"
[agent.alice]
device = "8001"
[agent.bob]
device = "8002"
"""


def free_port(kind: socket.SocketKind) -> str:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HOST, 0))
        return f"{HOST}:{probe.getsockname()[1]}"


class Peer:
    """A process that takes and gives one JSON object a line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.reports: list[Any] = []
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, *command: str, **env: str) -> Peer:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, env={**os.environ, **env}, limit=1 << 24
        )
        return cls(process)

    async def _read(self) -> None:
        assert self.process.stdout
        async for line in self.process.stdout:
            async with self._news:
                self.reports.append(json.loads(line))
                self._news.notify_all()
        async with self._news:
            self.reports.append({"ended": True})
            self._news.notify_all()

    def order(self, **order: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write((json.dumps(order) + "\n").encode())

    async def until(self, what: str, found: Any, patience_s: float = PATIENCE_S) -> Any:
        """The first report of which `found` is true."""
        try:
            async with asyncio.timeout(patience_s), self._news:
                looked = 0
                while True:
                    for report in self.reports[looked:]:
                        if found(report):
                            return report
                        assert "ended" not in report or not what, f"it ended before: {what}"
                    looked = len(self.reports)
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"never came: {what}; last: {self.reports[-3:]}") from None

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> None:
        """It ends with its input."""
        if self.process.returncode is None:
            assert self.process.stdin
            self.process.stdin.close()
            self.process.send_signal(signal.SIGCONT)
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
        await self._reader


class Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.http = free_port(socket.SOCK_STREAM)
        self.page = free_port(socket.SOCK_STREAM)
        self.carrier: Peer
        self._calls = 0

    @property
    def config(self) -> str:
        return str(self.folder / "trunkline.toml")

    @classmethod
    @contextlib.asynccontextmanager
    async def up(cls) -> AsyncIterator[Site]:
        """A server that is ready, a carrier that calls and phones that answer."""
        async with contextlib.AsyncExitStack() as ends:
            folder = ends.enter_context(tempfile.TemporaryDirectory(prefix="trunkline-clients-"))
            site = cls(Path(folder))
            peers = {}
            for kind in ("carrier", "phones"):
                peer = await Peer.start(str(BINARY), "peer", kind, "--listen", f"{HOST}:0")
                ends.push_async_callback(peer.end)
                peers[kind] = peer
            where = {}
            for kind, peer in peers.items():
                listening = await peer.until("an address", lambda r: r.get("ev") == "listening")
                where[kind] = listening["addr"]
            sip = free_port(socket.SOCK_DGRAM)
            origin = f"http://{site.page}"
            text = CONFIG.format(dir=folder, sip=sip, http=site.http, origin=origin, **where)
            Path(site.config).write_text(text)
            await site.run("keys", "init")
            log = ends.enter_context(open(site.folder / "server.log", "wb"))
            server = await asyncio.create_subprocess_exec(
                str(BINARY), "serve", "--config", site.config, stdout=log, stderr=log
            )
            ends.push_async_callback(site._stop, server)
            await site._ready(server)
            site.carrier = peers["carrier"]
            site.carrier.order(do="server", addr=sip)
            plan = {"then": {"answer": {"after_ms": 60}}, "talk_ms": 120}
            for user in ("8001", "8002", "8003"):
                peers["phones"].order(do="behave", user=user, plan=plan)
            yield site

    async def _ready(self, server: asyncio.subprocess.Process) -> None:
        for _ in range(300):
            assert server.returncode is None, (self.folder / "server.log").read_text()
            with contextlib.suppress(OSError):
                if "trunkline" in await self.metrics():
                    return
            await asyncio.sleep(0.1)
        raise AssertionError("the server is not ready within 30 s")

    @staticmethod
    async def _stop(server: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            server.terminate()
        try:
            await asyncio.wait_for(server.wait(), 20)
        except TimeoutError:
            server.kill()

    async def run(self, *args: str) -> str:
        process = await asyncio.create_subprocess_exec(
            str(BINARY), *args, "--config", self.config, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, f"{args} failed"
        return out.decode().strip()

    async def token(self, user: str, *more: str, role: str = "agent") -> str:
        return await self.run("token", "mint", "--subject", user, "--role", role, *more)

    async def agent_token(self, agent: str, device: str, *more: str) -> str:
        return await self.token(agent, "--agent", agent, "--devices", device, *more)

    async def ending_token(self, agent: str, device: str, seconds: int) -> str:
        """A token at whose end, leeway of 30 s included, so many seconds are left."""
        begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 100))
        return await self.agent_token(
            agent, device, "--at", begun, "--expires", f"{100 - 30 + seconds}s"
        )

    def call(self, to: str) -> None:
        """A customer calls; the phone rings, answers and hangs up."""
        self._calls += 1
        number = f"+86138{self._calls:08}"
        self.carrier.order(do="call", id=f"c{self._calls}", **{"from": number, "to": to})

    async def metrics(self) -> str:
        def read() -> str:
            with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as answer:
                return str(answer.read().decode())

        return await asyncio.to_thread(read)

    async def metric(self, name: str) -> float:
        for line in (await self.metrics()).splitlines():
            if line.split(" ")[0] in (f"trunkline_{name}", f"trunkline_{name}_total"):
                return float(line.split()[-1])
        raise AssertionError(f"no metric {name}")
