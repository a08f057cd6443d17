"""Multibase of base 58 (Bitcoin's alphabet), in which Data Integrity writes signatures and keys."""

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

PREFIX = "z"
"""What stands for base 58 in multibase."""

TEXT_LENGTH_MAX = 1024
"""Far above a signature's 88 and a key's 47 characters; decoding takes the square of the length."""

_PLACES = {character: place for place, character in enumerate(ALPHABET)}


def multibase_of(data: bytes) -> str:
    """Return bytes as multibase: "z" and base 58, each zero byte at the front as "1"."""
    number, digits = int.from_bytes(data), []
    while number:
        number, rest = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[rest])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return PREFIX + ALPHABET[0] * zeros + "".join(reversed(digits))


def bytes_of(text: str) -> bytes | None:
    """Return the bytes of a multibase text; None where it is none of base 58."""
    if not text.startswith(PREFIX) or len(text) > TEXT_LENGTH_MAX:
        return None
    digits = text[len(PREFIX) :]
    number = 0
    for character in digits:
        if character not in _PLACES:
            return None
        number = number * len(ALPHABET) + _PLACES[character]
    zeros = len(digits) - len(digits.lstrip(ALPHABET[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
