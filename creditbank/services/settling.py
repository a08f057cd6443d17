"""Settling: outcomes that are new or have changed are judged, decided and booked; shared by posting and correcting."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

from creditbank.core.ledger import EntryKind, Stamp, Transfer
from creditbank.core.normalisation import certificate_key, title_key
from creditbank.core.outcome import Facts, Record, Status
from creditbank.core.recognition import Recognition, result_document
from creditbank.core.rules import facts_document
from creditbank.core.settlement import Case, Verdict, settled
from creditbank.formats.strict_json import text_of
from creditbank.gateways.keyring import BlindIndex, Keyring
from creditbank.services.bank import Work
from creditbank.services.telling import tell_outcomes
from creditbank.storage import decisions, ledger, outcome_claims, outcomes
from creditbank.storage.certificates import Certificate, certificate_place


@dataclass(frozen=True, slots=True)
class Draft:
    """An outcome to be settled. Where it was credited before, `before` is that head and `lot` what is left of it.

    `kin` are the other accounts of the same person: what is on record there is the same learning, too.
    """

    head: outcomes.Head
    facts: Facts
    claims: tuple[BlindIndex, ...]
    before: outcomes.Head | None = None
    lot: ledger.Lot | None = None
    kin: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settling gives: the heads as they stand now and all that has to be written with them."""

    heads: tuple[outcomes.Head, ...]
    results: tuple[dict[str, Any] | None, ...]
    """What was decided on each of the heads; None for a duplicate."""
    claims: tuple[outcome_claims.DuplicateClaim, ...]
    decisions: tuple[decisions.StoredDecision, ...]
    postings: tuple[ledger.Posting, ...]


def duplicate_claims(
    keyring: Keyring, learner_id: UUID, facts: Facts, certificate_no: str | None
) -> tuple[BlindIndex, ...]:
    """Return the keyed hashes by which the same learning is known again, each under every index key.

    One of the normalised certificate number, whoever holds it; one of learner, normalised title and completion day.
    """
    claims = course_claims(keyring, learner_id, facts)
    if certificate_no is not None:
        claims += keyring.blind_indexes("outcome.certificate", certificate_key(certificate_no))
    return claims


def course_claims(keyring: Keyring, learner_id: UUID, facts: Facts) -> tuple[BlindIndex, ...]:
    """Return the keyed hashes of a learner's account, a course's normalised title and the day of its completion."""
    return keyring.blind_indexes("outcome.course", f"{learner_id}|{facts.completed_on}|{title_key(facts.title)}")


def certificate_of(work: Work, head: outcomes.Head, record: Record, wrapped_key: bytes) -> Certificate | None:
    """Return the record's certificate number sealed for the head's revision, if it tells one."""
    if record.certificate_no is None:
        return None
    place = certificate_place(head.id, head.revision)
    sealed = work.keyring.person_cipher(wrapped_key).seal(record.certificate_no, place)
    return Certificate(head.learner_id, head.id, head.revision, sealed)


def revision_of(work: Work, head: outcomes.Head, record: Record, applied_on: date) -> outcomes.Revision:
    """Return the record as it is kept under the head's revision."""
    return outcomes.Revision(
        learner_id=head.learner_id,
        outcome_id=head.id,
        revision=head.revision,
        content=text_of(record.content()),
        applied_on=applied_on,
        recorded_at=work.now,
        actor=work.actor.client_id,
    )


def settle(
    work: Work, drafts: Sequence[Draft], restored: Mapping[UUID, Recognition] = MappingProxyType({})
) -> Settlement:
    """Judge the drafts in their order; nothing is written yet. A duplicate that stays one is left as it stands.

    Outcomes in `restored` are recognised as they were once.
    """
    cases = [_case(work, draft) for draft in drafts]
    held = outcome_claims.holders(work.connection, [claim for case in cases for claim in (*case.claims, *case.also)])
    rulebook = work.rulebook()
    verdicts = settled(cases, held, rulebook, restored)
    claims: dict[bytes, outcome_claims.DuplicateClaim] = {}
    said: dict[int, _Said] = {}
    heads, results, made, postings = [], [], [], []
    for draft, verdict in zip(drafts, verdicts, strict=True):
        for claim in draft.claims:
            if claim.value not in held:
                holder = outcome_claims.DuplicateClaim(claim.value, draft.head.learner_id, draft.head.id, claim.key_id)
                claims.setdefault(claim.value, holder)
        if draft.before is None and _stays(draft.head, verdict):
            continue
        words = said.get(id(verdict.recognition)) if verdict.recognition is not None else None
        if words is None:
            words = said[id(verdict.recognition)] = _said(draft, verdict)
        decision = _decision(work, draft, words, verdict.recognition)
        results.append(words.document)
        made.append(decision)
        heads.append(
            replace(draft.head, status=verdict.status, duplicate_of=verdict.duplicate_of, decision_id=decision.id)
        )
        postings += _postings(work, draft, verdict, decision.id)
    return Settlement(tuple(heads), tuple(results), tuple(claims.values()), tuple(made), tuple(postings))


def _case(work: Work, draft: Draft) -> Case:
    """Return a draft as it is judged, with what the same learning is known by on the person's other accounts."""
    also = (claim.value for one in draft.kin for claim in course_claims(work.keyring, one, draft.facts))
    return Case(draft.head.id, draft.facts, tuple(claim.value for claim in draft.claims), tuple(also))


def _stays(head: outcomes.Head, verdict: Verdict) -> bool:
    """Tell whether an outcome on record is the duplicate that it was."""
    return verdict.status is Status.DUPLICATE is head.status and verdict.duplicate_of == head.duplicate_of


def book(work: Work, settlement: Settlement, write_heads: Callable[[], None], corrected: UUID | None = None) -> None:
    """Write the heads of the outcomes, claims, decisions and ledger entries, and tell the issuers.

    The accounts are locked first: nothing is read any more once writing begins, so that all of it can go together.
    """
    locked = ledger.locked(work.connection, settlement.postings)
    write_heads()
    outcome_claims.claim(work.connection, settlement.claims)
    decisions.add(work.connection, settlement.decisions)
    _post(work, locked, settlement.postings)
    tell_outcomes(work, settlement.heads, corrected)


def post(work: Work, postings: Sequence[ledger.Posting]) -> None:
    """Write ledger entries and count them."""
    _post(work, ledger.locked(work.connection, postings), postings)


def _post(work: Work, locked: ledger.Standings, postings: Sequence[ledger.Posting]) -> None:
    def stamped(posting_id: UUID) -> Stamp:
        return Stamp(work.new_id(), posting_id, work.actor.client_id, work.now)

    entries = ledger.post(work.connection, locked, postings, stamped)
    work.tally.update(entry.transfer.kind for entry in entries)


def reversal(work: Work, lot: ledger.Lot, head: outcomes.Head, issuer: str, decision_id: UUID) -> ledger.Posting:
    """Return the posting that takes back what is left of a lot, as of the day on which it had taken effect."""
    transfer = Transfer(
        lot_id=lot.id,
        counter_account=f"issuance:{issuer}",
        amount_hundredths=lot.used_hundredths - lot.amount_hundredths,
        kind=EntryKind.REVERSE,
        decision_id=decision_id,
        effective_on=head.completed_on,
    )
    return ledger.Posting(work.new_id(), lot, transfer)


def _postings(work: Work, draft: Draft, verdict: Verdict, decision_id: UUID) -> list[ledger.Posting]:
    """Return the reversal of what stood before, if any, and the recognition; both under one posting's id."""
    postings = []
    if draft.lot is not None:
        postings.append(reversal(work, draft.lot, draft.before or draft.head, draft.facts.issuer, decision_id))
    if verdict.status is Status.RECOGNISED and verdict.recognition is not None:
        posting_id = postings[0].id if postings else work.new_id()
        postings.append(_recognition_posting(work, draft, verdict.recognition, decision_id, posting_id))
    return postings


def _recognition_posting(
    work: Work, draft: Draft, recognition: Recognition, decision_id: UUID, posting_id: UUID
) -> ledger.Posting:
    """Return the posting that puts recognised credits on the learner's account as a new lot."""
    assert recognition.scheme is not None, "credits count in a scheme"
    lot = ledger.Lot(
        learner_id=draft.head.learner_id,
        id=work.new_id(),
        scheme=recognition.scheme,
        outcome_id=draft.head.id,
        amount_hundredths=recognition.credit_hundredths,
        used_hundredths=0,
        valid_until=recognition.valid_until,
    )
    transfer = Transfer(
        lot_id=lot.id,
        counter_account=f"issuance:{draft.facts.issuer}",
        amount_hundredths=recognition.credit_hundredths,
        kind=EntryKind.RECOGNISE,
        decision_id=decision_id,
        effective_on=draft.facts.completed_on,
    )
    return ledger.Posting(posting_id, lot, transfer)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a decision says, as JSON; the result as a document, too. Those with the same facts have it in common."""

    document: dict[str, Any] | None
    inputs: str
    result: str
    explanation: str


def _said(draft: Draft, verdict: Verdict) -> _Said:
    """Return a decision's words, with everything that is needed to take it again."""
    recognition = verdict.recognition
    inputs: dict[str, object] = {"facts": facts_document(draft.facts)}
    if recognition is None:
        inputs["duplicate_of"] = str(verdict.duplicate_of)
        explanation: object = {"duplicate_of": str(verdict.duplicate_of)}
        document = None
    else:
        inputs["rulesets"] = [list(considered) for considered in recognition.considered]
        explanation = recognition.explanation
        document = result_document(recognition)
    return _Said(document, text_of(inputs), text_of(document), text_of(explanation))


def _decision(work: Work, draft: Draft, said: _Said, recognition: Recognition | None) -> decisions.StoredDecision:
    """Return the decision as it is kept."""
    return decisions.StoredDecision(
        learner_id=draft.head.learner_id,
        id=work.new_id(),
        kind="duplicate" if recognition is None else "recognition",
        outcome_id=draft.head.id,
        revision=draft.head.revision,
        institution_id=draft.head.institution_id,
        ruleset=None if recognition is None else recognition.ruleset_code,
        version=None if recognition is None else recognition.version,
        inputs=said.inputs,
        result=said.result,
        explanation=said.explanation,
        decided_at=work.now,
        actor=work.actor.client_id,
    )
