"""Ids of commands."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


def uuid7(unix_ms: int | None = None) -> str:
    """A UUID of version 7 (RFC 9562 §5.7): the time first, so that ids sort by it."""
    at = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    value = (at & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))
