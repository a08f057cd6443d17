"""Checkpoints as files that any web server can hand out: each under its size, the newest as `checkpoint`.

FOLDER/checkpoint            the newest
FOLDER/checkpoints/20852163  each of them
FOLDER/keys                  the public keys, a line each
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

NEWEST = "checkpoint"


class FolderUnusable(Exception):  # noqa: N818 - reads as what it is
    """The folder can't be written or read; the sentence says why and how to mend it."""


def newest(folder: Path) -> str | None:
    """Return the newest checkpoint in a folder, None where there is none. Raises FolderUnusable."""
    try:
        return (folder / NEWEST).read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(folder, error) from None


def publish(folder: Path, checkpoints: Sequence[tuple[int, str]], keys: Sequence[str]) -> None:
    """Write checkpoints by size, the smallest first, and the keys; all are on the disk when this returns.

    Each file appears whole or not at all. Raises FolderUnusable.
    """
    try:
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        _write(folder / "keys", "".join(f"{key}\n" for key in keys))
        for size, note in checkpoints:
            _write(folder / "checkpoints" / str(size), note)
        _sync(folder / "checkpoints")
        if checkpoints:
            _write(folder / NEWEST, checkpoints[-1][1])
        _sync(folder)
    except OSError as error:
        raise _unusable(folder, error) from None


def _write(path: Path, text: str) -> None:
    """Write a file that everybody may read, and put it in its place."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o644)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Have the files' names on the disk as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(folder: Path, error: Exception) -> FolderUnusable:
    reason = error.strerror if isinstance(error, OSError) else "it is no text"
    return FolderUnusable(f"{folder} can't be used ({reason}): make it writable for the user who runs the bank")
