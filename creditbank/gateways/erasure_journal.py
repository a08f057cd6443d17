"""The journal of erasures: a file outside the database, so that a backup that is put back forgets nobody again.

One line an erasure, written to disk before the database commits it:

    {"at": "2026-07-01T04:00:00.000000Z", "request": "0190…", "learners": ["0190…"]}
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from creditbank.core.calendar import instant_text


@dataclass(frozen=True, slots=True)
class Erased:
    """Accounts of one person that were erased, when, and by which request."""

    at: datetime
    request_id: UUID
    learner_ids: tuple[UUID, ...]


class JournalUnusable(Exception):  # noqa: N818 - reads as what it is
    """The journal can't be written or read; the sentence says why and how to mend it."""


def write(path: Path, value: Erased) -> None:
    """Append a line that is on the disk when this returns. Raises JournalUnusable."""
    line = {
        "at": instant_text(value.at),
        "request": str(value.request_id),
        "learners": [str(learner_id) for learner_id in value.learner_ids],
    }
    try:
        is_new = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            starts_anew = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
            os.write(descriptor, (b"" if starts_anew else b"\n") + json.dumps(line).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            _sync_folder(path.parent)
    except OSError as error:
        message = f"{path} can't be written ({error.strerror}): make its folder writable for the user who runs the bank"
        raise JournalUnusable(message) from None


def read(path: Path | None) -> Iterator[Erased]:
    """Give every erasure, oldest first; a line that broke off was never committed and is left out.

    Raises JournalUnusable.
    """
    if path is None or not path.exists():
        return
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError as error:
        message = f"{path} can't be read ({error.strerror}): give it to the user who runs the bank"
        raise JournalUnusable(message) from None
    for line in lines:
        try:
            said = json.loads(line)
            at = datetime.fromisoformat(said["at"])
            yield Erased(at, UUID(said["request"]), tuple(UUID(learner_id) for learner_id in said["learners"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue


def _sync_folder(folder: Path) -> None:
    """Have the new file's name on the disk as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
