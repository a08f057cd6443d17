"""The veil: a partner sees ids of its own, which no other partner can compare with theirs.

Each partner has a secret; what it sees of an id is a keyed hash under that. The same id looks alike to one partner
every time, and like something else to the next one.
"""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from uuid import UUID

from creditbank.core.calendar import SHANGHAI, bank_day
from creditbank.core.identity import account_number

SECRET_BYTES = 32
"""256 random bits: nobody guesses them, whatever ids they know."""

_VERSION_BITS = ~(0xF000 << 64) & ~(0xC000 << 48)


@dataclass(frozen=True, slots=True)
class Veil:
    """How ids and instants are shown to whoever asks. `subject` is the learner as this partner knows them."""

    secret: bytes | None = field(repr=False, default=None)
    subject: UUID | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether things are shown as they are."""
        return self.secret is None

    def learner(self, learner_id: UUID) -> str:
        """Return the learner's id: for a partner its own name for the person, whichever account is meant."""
        if self.secret is None:
            return str(learner_id)
        assert self.subject is not None, "a partner is shown a learner under the name that it has for them"
        return str(self.subject)

    def id(self, value: UUID) -> str:
        """Return the id of something that belongs to the learner."""
        return str(value if self.secret is None else pseudonym(self.secret, str(value)))

    def text(self, value: str) -> str:
        """Return a text by which somebody else knows something, such as an external id."""
        return value if self.secret is None else str(pseudonym(self.secret, value))

    def account_no(self, value: str) -> str:
        """Return an account number, sound by its check digit."""
        if self.secret is None:
            return value
        return account_number(f"{pseudonym(self.secret, value).int % 10**15:015d}")

    def instant(self, value: datetime) -> datetime:
        """Return an instant; to partners the beginning of its day, as microseconds would tell who is who."""
        if self.secret is None:
            return value
        return datetime.combine(bank_day(value), time(), SHANGHAI).astimezone(UTC)


OPEN = Veil()
"""What everybody but partners sees: things as they are."""


def pseudonym(secret: bytes, value: str) -> UUID:
    """Return the partner's name for something, in the form of a UUID of version 8 (RFC 9562)."""
    number = int.from_bytes(hmac.digest(secret, value.encode(), "sha256")[:16])
    return UUID(int=(number & _VERSION_BITS) | (8 << 76) | (2 << 62))
