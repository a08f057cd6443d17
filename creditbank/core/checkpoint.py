"""A checkpoint of the log: how many leaves it has and their root, as the text that is signed (C2SP tlog-checkpoint).

bank.example/v1/log          the origin, which names the log
20852163                     the size
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""

import base64
import binascii
import re
from dataclasses import dataclass

from creditbank.core.merkle import HASH_BYTES

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log of an origin at a size."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse what can't be a checkpoint."""
        assert is_origin(self.origin), "an origin has no blanks and no plus sign"
        assert self.size >= 0, "a log has some leaves or none"
        assert len(self.root) == HASH_BYTES, "a root is a hash"

    @property
    def text(self) -> str:
        """The text that is signed; each line ends."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def is_origin(text: str) -> bool:
    """Tell whether a text can name a log and its keys."""
    return bool(text) and text.isprintable() and not re.search(r"[\s+]", text)


def parsed_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint of a text; lines after the third may extend it. Raises ValueError where it is none."""
    lines = text.split("\n")
    if len(lines) <= _LINES or not is_origin(lines[0]) or not _SIZE.fullmatch(lines[1]):
        message = "this is no checkpoint"
        raise ValueError(message)
    try:
        root = base64.b64decode(lines[2], validate=True)
    except binascii.Error as error:
        message = "its root is not base64"
        raise ValueError(message) from error
    if len(root) != HASH_BYTES:
        message = "its root is no hash"
        raise ValueError(message)
    return Checkpoint(lines[0], int(lines[1]), root)
