"""The impact of a rule set: which decisions that stand a version would change, reckoned on what is stored."""

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.conversion.offers import speaks_of
from creditbank.core.conversion.planning import planned
from creditbank.core.conversion.planning import result_document as plan_document
from creditbank.core.conversion.situation import Situation, situation_from
from creditbank.core.credit import decimal_text, parsed_hundredths
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Fault, Malformed, unknown
from creditbank.core.outcome import Facts
from creditbank.core.permission import require
from creditbank.core.recognition import recognised_subject, result_document
from creditbank.core.rules import ConversionSet, RuleSet, facts_from, parsed_ruleset
from creditbank.core.rules.subject import subject_of
from creditbank.core.settlement import Rulebook
from creditbank.gateways.keyring import SealBroken
from creditbank.gateways.optimiser import best_values
from creditbank.services.bank import Work
from creditbank.services.checking import weighable
from creditbank.storage import decisions, institutions, rulesets
from creditbank.storage.database import snapshot
from creditbank.storage.decisions import DecisionInForce

PAGE_OUTCOMES = 1000
"""Recognitions read in one go: some megabytes at most."""

OUTCOMES_MAX = 50_000
"""Recognitions looked at in one request, some six seconds; proxies wait for thirty. `next_cursor` says how to go on."""

CONVERSIONS_MAX = 2000
"""Conversions looked at in one request: each is chosen anew, which takes some milliseconds."""

EXAMPLES_MAX = 20
"""Changed decisions that are shown: enough to see what happens, short enough to be read."""

COMPARED = ("credits", "scheme", "level", "category", "valid_until", "rule")
"""What has to differ for a result to count as changed; a new version that says the same changes nothing."""


@dataclass(frozen=True, slots=True)
class Impact:
    """What publishing a version would change; amounts are decimal texts by scheme, of the changed recognitions."""

    ruleset: str
    version: int
    examined: int
    without_age: int
    changed: int
    credits_before: dict[str, str]
    credits_after: dict[str, str]
    by_institution: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    is_complete: bool
    next_cursor: str | None


class _Trial(Protocol):
    """A version that is tried on decisions that stand."""

    @property
    def rows_max(self) -> int:
        """How many decisions are looked at in one request."""

    @property
    def named(self) -> tuple[str, int]:
        """The version's code and number."""

    def page(self, connection: Connection, after: tuple[UUID, UUID] | None, rows_max: int) -> Sequence[DecisionInForce]:
        """Return decisions that stand, from the one behind `after`."""

    def result(self, inputs: dict[str, Any], before: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
        """Return what the version makes of the inputs, None where it has no part in it; and whether an age lacked."""


@dataclass(frozen=True, slots=True)
class _RecognitionTrial:
    """A version of recognition and the rulebook with it; `newer` would be asked in its place on their days."""

    ruleset: RuleSet
    rulebook: Rulebook
    newer: tuple[RuleSet, ...]

    @property
    def rows_max(self) -> int:
        """How many decisions are looked at in one request."""
        return OUTCOMES_MAX

    @property
    def named(self) -> tuple[str, int]:
        """The version's code and number."""
        return self.ruleset.code, self.ruleset.version

    def page(self, connection: Connection, after: tuple[UUID, UUID] | None, rows_max: int) -> Sequence[DecisionInForce]:
        """Return recognitions that stand."""
        return decisions.recognitions_in_force(connection, self.ruleset.validity, after, rows_max)

    def result(self, inputs: dict[str, Any], before: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
        """Return what is recognised; None also where nothing that is compared differs."""
        facts = facts_from(inputs["facts"])
        after = _result(self, facts, {code for code, _ in inputs["rulesets"]})
        is_same = after is not None and all(before.get(name) == after[name] for name in COMPARED)
        return None if is_same else after, self.ruleset.asks_age and facts.age is None


@dataclass(frozen=True, slots=True)
class _ConversionTrial:
    """A version of conversion and those in print beside it."""

    ruleset: ConversionSet
    rulebook: Rulebook

    @property
    def rows_max(self) -> int:
        """How many decisions are looked at in one request."""
        return CONVERSIONS_MAX

    @property
    def named(self) -> tuple[str, int]:
        """The version's code and number."""
        return self.ruleset.code, self.ruleset.version

    def page(self, connection: Connection, after: tuple[UUID, UUID] | None, rows_max: int) -> Sequence[DecisionInForce]:
        """Return conversions that are open or approved."""
        return decisions.conversions_in_force(connection, after, rows_max)

    def result(self, inputs: dict[str, Any], before: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
        """Return what would be converted; None also where it is the same."""
        situation = situation_from(inputs["situation"])
        ruleset = self.ruleset
        is_asked = ruleset.validity.contains_day(situation.applied_on) and speaks_of(ruleset, situation.programme)
        if not is_asked or not self._counts(before["ruleset"], situation):
            return None, False
        plan = planned(ruleset, self.rulebook.schemes[ruleset.scheme], situation, best_values)
        after = plan_document(plan)
        is_same = all(before.get(name) == after[name] for name in ("credits", "scheme", "parts"))
        return None if is_same else after, ruleset.asks_age and situation.age is None

    def _counts(self, stored_code: str, situation: Situation) -> bool:
        """Tell whether the version would be the one that counts: by its code, or before the one that did."""
        ruleset = self.ruleset
        rivals = [
            one
            for one in self.rulebook.conversions_in_force(situation.applied_on)
            if speaks_of(one, situation.programme) and (one.code != ruleset.code or one.version > ruleset.version)
        ]
        if any(one.code == ruleset.code for one in rivals):
            return False
        ahead = [one for one in rivals if (-one.priority, one.code) < (-ruleset.priority, ruleset.code)]
        return stored_code == ruleset.code or not ahead


@dataclass(slots=True)
class _Tally:
    """What was counted so far; credits are hundredths by scheme."""

    examined: int = 0
    without_age: int = 0
    changed: Counter[UUID] = field(default_factory=Counter)
    before: dict[UUID, Counter[str]] = field(default_factory=dict)
    after: dict[UUID, Counter[str]] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)


def impact(work: Work, code: str, version: int, cursor: str | None = None) -> Impact:
    """Return which decisions that stand would come out otherwise if the version were published now.

    Nothing is written. Refused: Unknown; Malformed cursors; Conflict for a set of qualification.
    """
    require(work.actor, "rules:write", "rules:publish", "audit:read")
    found = rulesets.by_version(work.connection, code, version)
    if found is None:
        raise unknown("规则集", "ruleset")
    parsed = weighable(parsed_ruleset(json.loads(found.document)))
    place = f"impact:{code}:{version}"
    tally, after, has_more = _Tally(), _opened(work, cursor, place), True
    with snapshot(work.connection):
        trial = _trial(work.rulebook(), parsed)
        while has_more and tally.examined < trial.rows_max:
            rows_max = min(PAGE_OUTCOMES, trial.rows_max - tally.examined)
            rows = trial.page(work.connection, after, rows_max + 1)
            has_more, rows = len(rows) > rows_max, rows[:rows_max]
            if rows:
                after = (rows[-1].learner_id, rows[-1].subject_id)
                _count(work, tally, trial, rows)
        codes = institutions.codes(work.connection, tally.changed)
    return _told(tally, trial, codes, _sealed(work, after, place) if has_more else None)


def _trial(rulebook: Rulebook, ruleset: RuleSet | ConversionSet) -> _Trial:
    """Return what is tried: the rulebook once the version is published."""
    if isinstance(ruleset, ConversionSet):
        return _ConversionTrial(ruleset, rulebook)
    newer = (one for one in rulebook.standing() if one.code == ruleset.code and one.version > ruleset.version)
    return _RecognitionTrial(ruleset, rulebook.including(ruleset), tuple(newer))


def _count(work: Work, tally: _Tally, trial: _Trial, rows: Sequence[DecisionInForce]) -> None:
    """Count a page of decisions; those that are shown stand in their learners' diaries."""
    actor = work.actor
    sees_all = actor.audits or "admin" in actor.scopes
    for row in rows:
        before = json.loads(row.result)
        after, lacks_age = trial.result(json.loads(row.inputs), before)
        tally.examined += 1
        tally.without_age += lacks_age
        if after is None:
            continue
        institution_id = row.institution_id
        tally.changed[institution_id] += 1
        _add(tally.before.setdefault(institution_id, Counter()), before)
        _add(tally.after.setdefault(institution_id, Counter()), after)
        if (sees_all or institution_id == actor.institution_id) and len(tally.examples) < EXAMPLES_MAX:
            ids = {"decision_id": str(row.decision_id), row.subject: str(row.subject_id)}
            work.note_sight(row.learner_id, Sight.DECISION, Basis.RULES)
            tally.examples.append(ids | {"before": before, "after": after})


def _result(trial: _RecognitionTrial, facts: Facts, asked_before: set[str]) -> dict[str, Any] | None:
    """Return the result with the version published; None where the version has no part in it.

    It has one where it is asked, or where another version of its code was asked that it takes the place of.
    """
    ruleset = trial.ruleset
    if not ruleset.validity.contains(facts) or any(newer.validity.contains(facts) for newer in trial.newer):
        return None
    subject = subject_of(facts)
    candidates = trial.rulebook.shelf.in_force(subject)
    if ruleset.code not in asked_before.union(one.code for one in candidates):
        return None
    recognition = recognised_subject(candidates, trial.rulebook.schemes, subject)
    if ruleset.code not in asked_before.union(code for code, _ in recognition.considered):
        return None
    return result_document(recognition)


def _add(credit_hundredths: Counter[str], result: dict[str, Any]) -> None:
    """Add the credits of a result to those of its scheme; without credit it has none."""
    if result["scheme"] is not None:
        amount = parsed_hundredths(result["credits"])
        assert amount is not None, "a result tells its credits as a decimal text"
        credit_hundredths[result["scheme"]] += amount


def _told(tally: _Tally, trial: _Trial, codes: dict[UUID, str], next_cursor: str | None) -> Impact:
    """Return what was counted as it is answered."""
    by_institution = []
    for institution_id, code in sorted(codes.items(), key=lambda item: item[1]):
        difference = Counter(tally.after[institution_id])
        difference.subtract(tally.before[institution_id])
        told = {"institution": code, "changed": tally.changed[institution_id], "credits_difference": _texts(difference)}
        by_institution.append(told)
    return Impact(
        ruleset=trial.named[0],
        version=trial.named[1],
        examined=tally.examined,
        without_age=tally.without_age,
        changed=tally.changed.total(),
        credits_before=_texts(sum(tally.before.values(), Counter())),
        credits_after=_texts(sum(tally.after.values(), Counter())),
        by_institution=by_institution,
        examples=tally.examples,
        is_complete=next_cursor is None,
        next_cursor=next_cursor,
    )


def _texts(credit_hundredths: Counter[str]) -> dict[str, str]:
    """Return amounts by scheme as they stand on the wire."""
    return {scheme: decimal_text(amount) for scheme, amount in sorted(credit_hundredths.items())}


def _sealed(work: Work, after: tuple[UUID, UUID] | None, place: str) -> str:
    """Return where to go on, sealed: it names a learner whom the caller may not know."""
    assert after is not None, "there is more behind a row only"
    sealed = work.keyring.seal_bank(f"{after[0]} {after[1]}", place)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _opened(work: Work, cursor: str | None, place: str) -> tuple[UUID, UUID] | None:
    """Return where a cursor says to go on. Refused: Malformed where it is none of this version's."""
    if cursor is None:
        return None
    try:
        sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        learner_id, outcome_id = work.keyring.opened_bank(sealed, place).split()
        return UUID(learner_id), UUID(outcome_id)
    except (SealBroken, ValueError):
        zh, en = "游标无效；请使用上一次的 next_cursor。", "This is no cursor; use next_cursor of the answer before."
        raise Malformed((Fault("/cursor", "wrong_cursor", zh, en),)) from None
