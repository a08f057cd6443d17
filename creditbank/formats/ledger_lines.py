"""The lines of an export of the ledger (docs/ledger-export.md): JSON, one a line, counted and hashed as they go out."""

import hashlib
from collections.abc import Callable, Mapping

import orjson

FORMAT = "creditbank-ledger"

VERSION = 1

COUNTED = {
    "account": "accounts",
    "lot": "lots",
    "entry": "entries",
    "leaf": "lost_leaves",
    "key": "keys",
    "checkpoint": "checkpoints",
}
"""How the first and the last line call the numbers of lines of each type."""


class LedgerLines:
    """The lines of one export on their way out; the last one says how many there were and what they hash to."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Send lines to a function that takes bytes."""
        self._write = write
        self._digest = hashlib.sha256()
        self.counts = dict.fromkeys(COUNTED.values(), 0)

    def head(self, **said: object) -> None:
        """Write the first line."""
        self._line({"type": "header", "format": FORMAT, "version": VERSION, **said})

    def add(self, kind: str, said: Mapping[str, object]) -> None:
        """Write a line of a type."""
        self.counts[COUNTED[kind]] += 1
        self._line({"type": kind, **said})

    def end(self) -> str:
        """Write the last line and return the SHA-256 of all before it, in hexadecimal digits."""
        digest = self._digest.hexdigest()
        self._line({"type": "trailer", "counts": self.counts, "sha256": digest})
        return digest

    def _line(self, said: Mapping[str, object]) -> None:
        line = orjson.dumps(said) + b"\n"
        self._digest.update(line)
        self._write(line)
