"""Files that appear whole or not at all, readable by their owner alone."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FileInTheWay(Exception):  # noqa: N818 - reads as what it is
    """There is a file already; the sentence says how to have it replaced."""


@contextmanager
def whole_file(path: Path, *, replaces: bool = False) -> Iterator[Path]:
    """Give a path beside the file to write to; what stands there at the end takes the file's place, on the disk.

    Raised: FileInTheWay where the file is there and is not to be replaced, OSError.
    """
    if path.exists() and not replaces:
        raise FileInTheWay(f"{path} is there already: name another file, or say --force to replace it")
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(descriptor)
    written = Path(name)
    try:
        yield written
        _sync(written)
        if replaces:
            written.replace(path)
        else:
            _put(written, path)
        _sync(path.parent)
    finally:
        written.unlink(missing_ok=True)


def _put(written: Path, path: Path) -> None:
    """Give the file its name unless somebody took it meanwhile."""
    try:
        os.link(written, path)
    except FileExistsError:
        raise FileInTheWay(f"{path} has come to be meanwhile: name another file") from None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
