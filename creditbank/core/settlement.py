"""What becomes of outcomes: the same learning counts once, and the rules in force say for how much."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from creditbank.core.credit import Scheme
from creditbank.core.outcome import Facts, Status
from creditbank.core.recognition import Recognition, in_force, recognised
from creditbank.core.rules import ConversionSet, RuleSet


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The published rule sets of all versions and the schemes that they count in."""

    rulesets: tuple[RuleSet, ...]
    schemes: Mapping[str, Scheme]
    conversions: tuple[ConversionSet, ...] = ()

    def recognise(self, facts: Facts) -> Recognition:
        """Return what the rules in force make of the facts."""
        return recognised(in_force(self.rulesets, facts), self.schemes, facts)


@dataclass(frozen=True, slots=True)
class Case:
    """An outcome to be settled; `claims` are the keyed hashes by which the same learning is known again."""

    outcome_id: UUID
    facts: Facts
    claims: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an outcome: a duplicate of another one, or judged by the rules."""

    status: Status
    duplicate_of: UUID | None
    recognition: Recognition | None


def settled(cases: Iterable[Case], holders: Mapping[bytes, UUID], rulebook: Rulebook) -> list[Verdict]:
    """Settle outcomes in their order, given who holds the claims of learning already on record.

    An outcome that shares a claim with an earlier one is its duplicate and gets no credit, whoever recorded either.
    """
    held = dict(holders)
    verdicts = []
    for case in cases:
        earlier = next(
            (held[claim] for claim in case.claims if held.get(claim, case.outcome_id) != case.outcome_id), None
        )
        if earlier is not None:
            verdicts.append(Verdict(Status.DUPLICATE, earlier, None))
            continue
        held.update(dict.fromkeys(case.claims, case.outcome_id))
        recognition = rulebook.recognise(case.facts)
        status = Status.RECOGNISED if recognition.credit_hundredths else Status.RECORDED
        verdicts.append(Verdict(status, None, recognition))
    return verdicts
