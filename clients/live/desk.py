"""A desk in Python for the tests: orders on the standard input, an account on the output."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from trunkline_client import CommandError, DeskEvent, StatusChange, Sub, TrunklineClient


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


async def main(url: str, subs: list[dict[str, Any]], token_file: str) -> None:
    async def token() -> str:
        say(asked=True)
        return Path(token_file).read_text().strip()

    def told(event: DeskEvent[Any]) -> None:
        rev = getattr(event.o, "rev", None)
        by = {"by": event.caused_by} if event.caused_by else {}
        say(pos=event.pos, k=event.k, id=getattr(event.o, "id", None), rev=rev, **by)

    def status(change: StatusChange) -> None:
        say(status=change.status, code=change.code, reason=change.reason)

    client = TrunklineClient(
        url, token, [Sub(**sub) for sub in subs], backoff_first_ms=20, backoff_max_ms=200
    )
    client.on("event", told)
    client.on("status", status)
    client.on("snapshot", lambda: say(snapshot=client.position))

    client.on("gone", lambda gone: say(gone=gone.id, why=gone.why))
    client.on("figures", lambda new: say(board=f"{new.kind}:{new.id}", figures=new.calls))

    async def command(order: dict[str, Any]) -> None:
        future = client.command(order["op"], args=order["args"], within_ms=order["within_ms"])
        try:
            result = await future
            say(done=result.id, status=result.status)
        except CommandError as error:
            say(done=None, status=error.code, nothing=error.nothing_done)

    pipe = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(pipe), sys.stdin)
    tasks = set()
    async with client:
        async for line in pipe:
            order = json.loads(line)
            match order["do"]:
                case "report":
                    calls = sorted([call.id, call.rev] for call in client.calls.values())
                    agents = sorted([agent.id, agent.rev] for agent in client.agents.values())
                    say(report=client.position, calls=calls, agents=agents)
                case "subscribe":
                    client.subscribe(Sub(order["id"], order["topic"], order.get("view", "")))
                case "unsubscribe":
                    client.unsubscribe(order["id"])
                case "command":
                    tasks.add(asyncio.create_task(command(order)))


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
