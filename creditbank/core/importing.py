"""Files that are imported in the background: what they may be, how far one is, and how it is to be taken."""

from dataclasses import dataclass
from enum import StrEnum


class SheetFormat(StrEnum):
    """What a file with rows may be."""

    CSV = "csv"
    XLSX = "xlsx"
    NDJSON = "ndjson"


class Mode(StrEnum):
    """What becomes of the good rows where others are rejected."""

    ROWS = "rows"
    """Good rows are booked, bad ones come back with their reasons."""
    ALL = "all"
    """All rows are booked or none."""


class ImportState(StrEnum):
    """How far an import is."""

    RECEIVING = "receiving"
    """Its file is still being sent."""
    WAITING = "waiting"
    POSTING = "posting"
    """The file was read to its end and found sound; its rows are booked some at a time."""
    DONE = "done"
    """Every row has its answer."""
    REFUSED = "refused"
    """Nothing of it was booked, or nothing more: the file has faults, or was to be taken whole and could not be."""
    CANCELLED = "cancelled"
    """Whoever sent it stopped it; what was booked before stays."""


OPEN = frozenset({ImportState.RECEIVING, ImportState.WAITING, ImportState.POSTING})
"""States in which something is still to be done."""

WORKED_ON = frozenset({ImportState.WAITING, ImportState.POSTING})
"""States in which a worker has something to do."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records of a file came to what; a row holds one record, or several in a wide file."""

    accepted: int = 0
    replayed: int = 0
    rejected: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Return both together."""
        return Counts(self.accepted + other.accepted, self.replayed + other.replayed, self.rejected + other.rejected)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next row begins: in bytes from the start of what is read, and its line."""

    position: int = 0
    line: int = 1
