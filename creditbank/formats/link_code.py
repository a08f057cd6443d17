"""Link codes as they are handed over on paper: twelve letters and digits in groups, without any that look alike."""

import re
from collections.abc import Callable, Sequence

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""32 characters, 5 bits each (Crockford's): no I, L, O and U."""

LENGTH = 12
"""60 bits: nobody guesses one within the tries that a ticket has."""

_GROUP = 4
_LOOK_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


def new_link_code(choose: Callable[[Sequence[str]], str]) -> str:
    """Return a new code, its characters chosen by a source of chance that nobody foresees."""
    return "".join(choose(ALPHABET) for _ in range(LENGTH))


def shown(code: str) -> str:
    """Return a code in groups of four, as it is printed: "7K2M-9QXA-40ZT"."""
    return "-".join(code[place : place + _GROUP] for place in range(0, LENGTH, _GROUP))


def read_link_code(text: str) -> str | None:
    """Return the code that somebody typed: in any case, with or without hyphens, O for 0, I or L for 1."""
    code = text.upper().translate(_LOOK_ALIKE)
    return code if _CODE.fullmatch(code) else None
