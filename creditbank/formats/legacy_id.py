"""Resident numbers as they were before 1999: 15 digits, without the century and the check digit."""

from stdnum.iso7064 import mod_11_2


def widened(legacy: str) -> str:
    """Return the 18 digits that a resident number of 15 became in 1999: born in the 1900s, with a check digit."""
    body = f"{legacy[:6]}19{legacy[6:]}"
    return str(body + mod_11_2.calc_check_digit(body))


def narrowed(resident_id: str) -> str | None:
    """Return the 15 digits that a resident number had before 1999; None for people who were born in another century."""
    return resident_id[:6] + resident_id[8:17] if resident_id[6:8] == "19" else None
