"""The shelf: what is asked at every request and seldom changes, kept at hand by each process."""

import json
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.institution import Ending, Role
from creditbank.core.rules import ConversionSet, QualificationSet, RuleSet, parsed_ruleset
from creditbank.core.settlement import Rulebook
from creditbank.storage import clients, institution_days, institutions, rulesets, schemes


@dataclass(frozen=True, slots=True)
class Membership:
    """The institution that a client belongs to."""

    institution_id: UUID
    code: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Printed:
    """The rules in print in an edition, and the ends of institutions that were asked for since."""

    edition: rulesets.Edition
    rulebook: Rulebook
    endings: dict[UUID, Ending | None] = field(default_factory=dict)

    def ending(self, connection: Connection, institution_id: UUID) -> Ending | None:
        """Return an institution's end, if one is known."""
        if institution_id not in self.endings:
            self.endings[institution_id] = institution_days.ending(connection, institution_id)
        return self.endings[institution_id]


@dataclass(slots=True)
class Shelf:
    """The rules in print, parsed; and to whom each client belongs, which never changes.

    Threads change both without a lock: each is one value, and whoever comes later puts the same there.
    """

    printed: Printed | None = None
    members: dict[str, Membership] = field(default_factory=dict)

    def in_print(self, connection: Connection) -> Printed:
        """Return the rules and ends of institutions, read again when anywhere any of them has changed."""
        edition = rulesets.edition(connection)
        printed = self.printed
        if printed is None or printed.edition != edition:
            printed = self.printed = Printed(edition, _rulebook(connection))
        return printed

    def membership(self, connection: Connection, client_id: str) -> Membership | None:
        """Return the client's institution, if there is such a client."""
        found = clients.by_id(connection, client_id)
        if found is None:
            return None
        institution = institutions.by_id(connection, found.institution_id)
        assert institution is not None, "a client belongs to an institution"
        member = self.members[client_id] = Membership(institution.id, institution.code, institution.roles)
        return member


def _rulebook(connection: Connection) -> Rulebook:
    """Return the published rules of all versions, parsed."""
    stored = rulesets.published(connection)
    parsed = [parsed_ruleset(json.loads(one.document)) for one in stored]
    return Rulebook(
        tuple(one for one in parsed if isinstance(one, RuleSet)),
        schemes.every(connection),
        tuple(one for one in parsed if isinstance(one, ConversionSet)),
        frozenset((one.code, one.version) for one in stored if one.is_withdrawn),
        tuple(one for one in parsed if isinstance(one, QualificationSet)),
    )
