"""Revealing: what turns out to be the same learning when accounts are merged, and no longer is when they are parted."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from creditbank.core.merging import Link, Person
from creditbank.core.normalisation import title_key
from creditbank.core.outcome import Facts, Status
from creditbank.core.recognition import Recognition, recognition_from
from creditbank.core.rules import facts_document, facts_from
from creditbank.core.settlement import Standing, revealed
from creditbank.formats.strict_json import text_of
from creditbank.services import converting
from creditbank.services.bank import Work
from creditbank.services.settling import Draft, book, duplicate_claims, post, reversal, settle
from creditbank.services.telling import tell_outcomes
from creditbank.storage import (
    certificates,
    conversions,
    decisions,
    institutions,
    learners,
    ledger,
    outcome_claims,
    outcomes,
)

_COUNTING = (Status.RECOGNISED, Status.RECORDED)


def reverse_what_counts_twice(work: Work, union: Person, link: Link, among: Collection[UUID] | None = None) -> None:
    """Let the same learning on several accounts count once, by explicit reversals that refer to the merge.

    Open applications that rest on a duplicate are voided. What an approved one rests on counts on; its accepting
    institution is given a case, and if it takes the conversion back, this is asked again `among` its outcomes.
    """
    heads = {head.id: head for head in outcomes.of_people(work.connection, union.members, _COUNTING)}
    pairs = [
        (duplicate_id, counting_id)
        for duplicate_id, counting_id in revealed(_standings(work, union, heads))
        if among is None or not {duplicate_id, counting_id}.isdisjoint(among)
    ]
    for duplicate_id, _ in pairs:
        reason = f"合并账户（{link.id}）后与另一成果重复 / the same learning as another outcome, merge {link.id}"
        converting.unwind(work, heads[duplicate_id], reason)
    relied_on = conversions.claims_of(work.connection, union.members)
    free = [pair for pair in pairs if conversions.OUTCOME + str(pair[0]) not in relied_on]
    if free:
        _book_duplicates(work, _duplicates(work, heads, free), link)


def _book_duplicates(work: Work, found: Sequence[tuple[outcomes.Head, UUID]], link: Link) -> None:
    """Write that outcomes are duplicates of what counts, and reverse what they brought."""
    lots = ledger.lots_of(work.connection, [head.id for head, _ in found], {head.learner_id for head, _ in found})
    facts = _facts(work, [head for head, _ in found])
    changed, made, postings = [], [], []
    for head, counting_id in found:
        decision = _duplicate_decision(work, head, facts[head.id], (counting_id, link))
        made.append(decision)
        changed.append(replace(head, status=Status.DUPLICATE, duplicate_of=counting_id, decision_id=decision.id))
        if head.id in lots:
            postings.append(reversal(work, lots[head.id], head, facts[head.id].issuer, decision.id))
    outcomes.change(work.connection, changed)
    decisions.add(work.connection, made)
    post(work, postings)
    tell_outcomes(work, changed)


def restore_what_counts_again(work: Work, merged: Person, other: Person) -> None:
    """Settle anew what counted once for two people only; what was recognised before is recognised as it was then."""
    members = (*merged.members, *other.members)
    found = outcomes.of_people(work.connection, members, [Status.DUPLICATE])
    standing_on = outcomes.accounts(work.connection, [head.duplicate_of for head in found if head.duplicate_of])
    sides = {member: person for person in (merged, other) for member in person.members}
    across = {
        head.duplicate_of
        for head in found
        if head.duplicate_of is not None and sides.get(standing_on[head.duplicate_of]) != sides[head.learner_id]
    }
    heads = [head for one in sorted(across) for head in outcomes.duplicates_of(work.connection, one)]
    if not heads:
        return
    heads.sort(key=lambda head: (head.recorded_at, head.id))
    outcome_claims.release_claims(work.connection, [head.id for head in heads])
    settlement = settle(work, _drafts(work, heads, sides), _once(work, heads))
    book(work, settlement, lambda: outcomes.change(work.connection, settlement.heads))


def _standings(work: Work, union: Person, heads: dict[UUID, outcomes.Head]) -> list[Standing]:
    """Return what counts on a person's accounts, with what the same learning has in common."""
    in_use = conversions.claims_of(work.connection, union.members)
    facts = _facts(work, heads.values())
    return [
        Standing(
            outcome_id=head.id,
            account_id=head.learner_id,
            learning=_learning(facts[head.id]),
            is_in_use=conversions.OUTCOME + str(head.id) in in_use,
            is_credited=head.status is Status.RECOGNISED,
            recorded_at=head.recorded_at,
        )
        for head in heads.values()
    ]


def _learning(facts: Facts) -> tuple[date, str]:
    return facts.completed_on, title_key(facts.title)


def _duplicates(
    work: Work, heads: dict[UUID, outcomes.Head], pairs: Iterable[tuple[UUID, UUID]]
) -> list[tuple[outcomes.Head, UUID]]:
    """Return the duplicates, and what was known as a duplicate of each: all stand behind what counts now."""
    return [
        (head, counting_id)
        for duplicate_id, counting_id in pairs
        for head in (heads[duplicate_id], *outcomes.duplicates_of(work.connection, duplicate_id))
    ]


def _facts(work: Work, heads: Iterable[outcomes.Head]) -> dict[UUID, Facts]:
    """Return the facts of outcomes as they stand."""
    found = list(heads)
    revisions = outcomes.revisions(work.connection, [head.id for head in found])
    codes = institutions.codes(work.connection, [head.institution_id for head in found])
    return {
        head.id: facts_from(
            json.loads(revisions[head.id][-1].content)
            | {
                "issuer": codes[head.institution_id],
                "applied_on": revisions[head.id][-1].applied_on.isoformat(),
            }
        )
        for head in found
    }


def _drafts(work: Work, heads: list[outcomes.Head], sides: dict[UUID, Person]) -> list[Draft]:
    """Return outcomes to be settled anew, each known on the accounts of its own person only."""
    facts = _facts(work, heads)
    known = learners.known(work.connection, [head.learner_id for head in heads], None)
    told = certificates.of_outcomes(work.connection, [head.id for head in heads])
    drafts = []
    for head in heads:
        certificate = told.get((head.id, head.revision))
        number = None if certificate is None else certificate.number(work.keyring, known[head.learner_id].wrapped_key)
        claims = duplicate_claims(work.keyring, head.learner_id, facts[head.id], number)
        members = sides[head.learner_id].members if head.learner_id in sides else ()
        kin = tuple(member for member in members if member != head.learner_id)
        drafts.append(Draft(head, facts[head.id], claims, kin=kin))
    return drafts


def _once(work: Work, heads: list[outcomes.Head]) -> dict[UUID, Recognition]:
    """Return how outcomes were recognised before they were held to be duplicates, where their record stands since."""
    found = decisions.latest_recognitions(work.connection, [head.id for head in heads])
    return {
        head.id: recognition_from(
            json.loads(found[head.id].inputs), json.loads(found[head.id].result), json.loads(found[head.id].explanation)
        )
        for head in heads
        if head.id in found and found[head.id].revision == head.revision
    }


def _duplicate_decision(
    work: Work, head: outcomes.Head, facts: Facts, reason: tuple[UUID, Link]
) -> decisions.StoredDecision:
    """Return the decision that an outcome is the same learning as another one since accounts were merged."""
    counting_id, link = reason
    told = {"duplicate_of": str(counting_id), "merge": str(link.id)}
    return decisions.StoredDecision(
        learner_id=head.learner_id,
        id=work.new_id(),
        kind="duplicate",
        outcome_id=head.id,
        revision=head.revision,
        institution_id=head.institution_id,
        ruleset=None,
        version=None,
        inputs=text_of({"facts": facts_document(facts), **told}),
        result=text_of(None),
        explanation=text_of(told),
        decided_at=work.now,
        actor=work.actor.client_id,
    )
