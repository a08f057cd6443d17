"""Who may see what of a learner, and on which basis: one table of kinds of data, one order of bases."""

from enum import StrEnum


class Sight(StrEnum):
    """A kind of personal data that is shown in one go."""

    IDENTITY = "identity"
    """Name, birth date, masked identifiers."""
    BALANCE = "balance"
    STATEMENT = "statement"
    OUTCOMES = "outcomes"
    DECISION = "decision"
    CONVERSION = "conversion"
    PLAN = "plan"
    QUALIFICATION = "qualification"
    """What somebody has of a qualification, and their awards."""
    CASE = "case"
    LOOKUP = "lookup"
    """The answer that somebody is a learner here."""
    CONSENTS = "consents"
    CREDENTIALS = "credentials"
    ACCESS_LOG = "access_log"
    EXPORT = "export"
    REQUESTS = "requests"
    """What the learner asked to have corrected or erased, in their own words."""
    TOKEN = "token"  # noqa: S105 - a word, no secret
    """A token with which everything can be read that the learner can read."""


OWN_ONLY = frozenset({Sight.CONSENTS, Sight.CREDENTIALS})
"""What only those see who speak for the learner, and auditors; to know a learner is not enough."""


class Basis(StrEnum):
    """Why somebody else may see it; a consent's id follows its name ("consent:0190…")."""

    KNOWN = "known"
    """The institution opened the account, or recorded outcomes on it."""
    ISSUED = "issued"
    """The institution issued the outcome in question."""
    PART = "part"
    """The institution accepts, submitted or reviews the application in question."""
    RULES = "rules"
    """Whoever writes or publishes rules weighs what a version would change."""
    AUDIT = "audit"
    OPERATOR = "operator"
    """Whoever runs the bank, at its own console."""
    PROXY = "proxy"
    """A member of staff acts for the learner at a counter."""
    GUARDIAN = "guardian"
    CONSENT = "consent"
    SHARE = "share"
    """The learner made a link that shows it, whose id follows its name."""
    IDENTITY_CASE = "identity_case"
    """Somebody decides whether two accounts are one person's."""
