"""The examples of the READMEs run as they stand."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import unittest
from pathlib import Path

from site_up import ROOT, Site


def example(package: str, language: str) -> str:
    """The first block of code."""
    text = (ROOT / "clients" / package / "README.md").read_text()
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found, f"no example in {package}"
    code = found.group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12, "ten lines or so"
    return code


class Examples(unittest.IsolatedAsyncioTestCase):
    async def run_example(self, site: Site, file: Path, *command: str) -> None:
        env = {
            **os.environ,
            "TRUNKLINE_URL": f"ws://{site.http}/v1/events",
            "TRUNKLINE_TOKEN": await site.agent_token("alice", "8001"),
        }
        pipe = asyncio.subprocess.PIPE
        running = await asyncio.create_subprocess_exec(*command, str(file), stdout=pipe, env=env)
        try:
            assert running.stdout
            async with asyncio.timeout(20):
                while (await running.stdout.readline()).decode().strip() != "ok":
                    self.assertIsNone(running.returncode)
                site.call("8001")
                while "call.cleared" not in (await running.stdout.readline()).decode():
                    self.assertIsNone(running.returncode)
        finally:
            running.kill()
            await running.wait()

    async def test_typescript(self) -> None:
        # Inside the package its own name means itself.
        file = ROOT / "clients/typescript/dist/readme.mjs"
        file.write_text(example("typescript", "js"))
        async with Site.up() as site:
            await self.run_example(site, file, "node")

    async def test_python(self) -> None:
        async with Site.up() as site:
            file = site.folder / "readme.py"
            file.write_text(example("python", "python"))
            await self.run_example(site, file, sys.executable)


if __name__ == "__main__":
    unittest.main()
