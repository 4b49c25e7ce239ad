"""Client of the desk protocol `trunkline.v1`: every event, in order, without a gap."""

from .client import CommandError, Stopped, TrunklineClient
from .core import Sub, Ticket
from .driver import TokenProvider
from .follow import is_after
from .proto import Figures
from .told import Complaint, DeskEvent, Gone, StatusChange
from .uuid7 import uuid7

__all__ = [
    "CommandError",
    "Complaint",
    "DeskEvent",
    "Figures",
    "Gone",
    "StatusChange",
    "Stopped",
    "Sub",
    "Ticket",
    "TokenProvider",
    "TrunklineClient",
    "is_after",
    "uuid7",
]
