"""Documents as linked data: nothing stays unsigned unseen, no graph keeps the bank busy, the proofs of others hold."""

import copy
import time
from collections.abc import Callable
from typing import Any

import pytest

from creditbank.formats import linked_data
from creditbank.formats.credential_check import Checked, checked_document
from creditbank.formats.credential_issuers import Issuer, issuer_from
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.data_integrity import with_proof
from creditbank.formats.did_web import multikey_method
from creditbank.formats.linked_data import NO_CONTEXTS, NotSignable, quads_of
from creditbank.formats.rdf_canon import TooTangled, canonical_quads
from creditbank.formats.strict_json import parsed
from tests.formats import credentials as made
from tests.formats.linked import HOUSEHOLD, SAMPLES, contexts, needs_samples
from tests.formats.test_credential_check import PROOF_TAMPERINGS, TAMPERINGS

Change = Callable[[dict[str, Any]], object]

SECONDS_MAX = 20
"""How long a hostile document may keep a slow, busy machine; without bounds each takes hours, or for ever."""


def person(**more: Any) -> dict[str, Any]:
    return {"@context": HOUSEHOLD, "id": "urn:x:1", "type": "Person", "name": "张三", **more}


def why(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where and why a document can't be written as RDF."""
    try:
        quads_of(document, contexts())
    except NotSignable as refusal:
        return sorted((fault.pointer, fault.code) for fault in refusal.faults)
    return []


def test_a_document_has_the_lines_that_rdfc_wants() -> None:
    assert quads_of(person(knows=[{"name": 'a"\n'}, {"age": 3}]), contexts()).decode().splitlines() == [
        "<urn:x:1> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://example.org/Person> .",
        "<urn:x:1> <https://example.org/knows> _:c14n0 .",
        "<urn:x:1> <https://example.org/knows> _:c14n1 .",
        '<urn:x:1> <https://example.org/name> "张三" .',
        '_:c14n0 <https://example.org/name> "a\\"\\n" .',
        '_:c14n1 <https://example.org/age> "3"^^<http://www.w3.org/2001/XMLSchema#integer> .',
    ]


UNSIGNED: dict[str, tuple[dict[str, Any], str]] = {
    "a name": ({"nick": "x"}, "/nick"),
    "a name within": ({"knows": [{"name": "x"}, {"nick": {"name": "x"}}]}, "/knows/1/nick"),
    "a type": ({"type": ["Person", "Ghost"]}, "/type/1"),
    "an id": ({"knows": {"id": "somebody"}}, "/knows/id"),
    "a label": ({"knows": {"id": "_:b"}}, "/knows/id"),
    "an address": ({"home": "street 1"}, "/home"),
    "an address elsewhere": ({"home": "//other.example/x"}, ""),
    "no address": ({"home": ""}, "/home"),
    "an address that ends early": ({"home": 'urn:x> <urn:y> "z" .\n<urn:x'}, "/home"),
    "a null": ({"name": None}, "/name"),
    "an aside": ({"@included": [{"name": "x"}]}, "/*"),
    "a whole address": ({"https://example.org/name": "x"}, "/*"),
    "a keyword": ({"knows": {"@id": "urn:x:2"}}, "/knows/*"),
    "a number without end": ({"age": float("inf")}, "/age"),
}


@pytest.mark.parametrize("name", UNSIGNED)
def test_what_would_stay_unsigned_is_refused_where_it_stands(name: str) -> None:
    more, pointer = UNSIGNED[name]
    assert why(person(**more)) == [(pointer, "term_undefined")]


def test_contexts_that_are_not_installed_or_written_along_are_refused() -> None:
    other = "https://example.org/other"
    assert why(person() | {"@context": [HOUSEHOLD, other]}) == [("/@context/1", "context_not_installed")]
    assert why(person() | {"@context": [HOUSEHOLD, {"name": other}]}) == [("/@context/1", "context_not_installed")]
    assert why(person(knows={"@context": other})) == [("/knows/@context/0", "context_not_installed")]
    with pytest.raises(NotSignable):
        quads_of(person(), NO_CONTEXTS)


def test_the_document_itself_is_described_once_and_without_control_characters() -> None:
    assert why(person(knows={"id": "urn:x:1", "age": 3})) == [("/knows/id", "told_twice")]
    assert why(person(knows={"id": "urn:x:1"})) == []
    assert why(person(name="a\tb")) == [("/name", "control_character")]
    assert why(person(name="a\nb")) == []


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"name": "x"}
    for _ in range(depth):
        inner = {"knows": inner}
    return inner


HOSTILE = {
    "too many values": lambda: person(knows=[{"name": [str(one) for one in range(50)]} for _ in range(90)]),
    "a long list": lambda: person(name=[str(one) for one in range(linked_data.ITEMS_MAX + 1)]),
    "a long list in pieces": lambda: person(
        knows=[{"id": "urn:x:2", "name": [f"{a} {b}" for b in range(60)]} for a in range(9)]
    ),
    "many contexts": lambda: person(knows={"@context": [HOUSEHOLD] * 1000}),
    "too deep": lambda: person(knows=nested(600)),
    "far too deep": lambda: person(knows=nested(900)),
    "twins of twins": lambda: person(knows=[{"knows": [{"name": "x"}] * 7} for _ in range(9)]),
    "a tower of twins": lambda: person(knows=[{"knows": [{"knows": [{"name": "x"}] * 6}] * 6}] * 6),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused_in_time(name: str) -> None:
    document, begun = HOSTILE[name](), time.monotonic()
    assert why(document) == [("", "too_complex")]
    assert time.monotonic() - begun < SECONDS_MAX


def graph(edges: list[tuple[int, int]]) -> dict[str, list[dict[str, Any]]]:
    """Return a dataset of blank nodes that know one another."""

    def node(number: int) -> dict[str, str]:
        return {"type": "blank node", "value": f"_:b{number}"}

    knows = {"type": "IRI", "value": "urn:knows"}
    return {"@default": [{"subject": node(a), "predicate": knows, "object": node(b)} for a, b in edges]}


POISON = {
    "everybody knows everybody": [(a, b) for a in range(10) for b in range(10) if a != b],
    "a hypercube": [(a, a ^ (1 << bit)) for a in range(64) for bit in range(6)],
    "a torus": [(a, b) for a in range(64) for b in ((a + 1) % 8 + a // 8 * 8, (a + 8) % 64)],
    "a long ring": [(a, (a + 1) % 2000) for a in range(2000)],
}


@pytest.mark.parametrize("name", POISON)
def test_poisoned_graphs_are_given_up_in_time(name: str) -> None:
    begun = time.monotonic()
    with pytest.raises((TooTangled, RecursionError)):
        canonical_quads(graph(POISON[name]))
    assert time.monotonic() - begun < SECONDS_MAX


def test_graphs_that_are_alike_have_the_same_lines() -> None:
    ring = [(a, (a + 1) % 7) for a in range(7)]
    turned = [((3 * a + 2) % 7, (3 * b + 2) % 7) for a, b in reversed(ring)]
    two = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 6), (6, 3)]
    assert canonical_quads(graph(ring)) == canonical_quads(graph(turned)) != canonical_quads(graph(two))


def linked(said: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a credential of ours with a proof over its RDF."""
    secret = made.keys().keys[Algorithm.EDDSA]
    method = multikey_method(made.DID, secret.public)
    return copy.deepcopy(with_proof(said or made.document(), secret, method, made.AT, contexts()))


def checked(document: dict[str, Any]) -> Checked:
    return checked_document(document, made.issuers(), made.AT, contexts())


@needs_samples
def test_ours_is_signed_and_holds_however_it_is_ordered() -> None:
    good = linked()
    found = checked(good)
    assert (found.faults, found.proof) == ((), "eddsa-rdfc-2022")
    assert checked(dict(reversed(good.items()))).is_sound
    assert made.codes(made.checked(good)) == {"context_not_installed"}


@needs_samples
def test_an_undefined_term_is_neither_signed_nor_believed() -> None:
    with pytest.raises(NotSignable):
        linked(made.document(nickname="x"))
    assert made.codes(checked(linked() | {"nickname": "x"})) == {"term_undefined"}


LINKED_TAMPERINGS = TAMPERINGS | PROOF_TAMPERINGS
LINKED_TAMPERINGS["by another suite"] = lambda one: one["proof"].update(cryptosuite="eddsa-jcs-2022")
del LINKED_TAMPERINGS["types in another order"]  # which means the same as linked data


@needs_samples
@pytest.mark.parametrize("name", LINKED_TAMPERINGS)
def test_each_change_is_refused(name: str) -> None:
    changed = linked()
    LINKED_TAMPERINGS[name](changed)
    assert checked(changed).faults


REWRITTEN: dict[str, Change] = {
    "an end as an address": lambda one: one.update(
        {"https://www.w3.org/2018/credentials#validUntil": one.pop("validUntil")}
    ),
    "an end aside": lambda one: one.update({"@included": [{"id": one["id"], "validUntil": one.pop("validUntil")}]}),
    "a status told elsewhere": lambda one: one["credentialSubject"].update(
        {"source": {"id": one["id"], "credentialStatus": one.pop("credentialStatus")}}
    ),
    "a context along": lambda one: one["@context"].append({"over": "https://www.w3.org/2018/credentials#validUntil"}),
}


@needs_samples
@pytest.mark.parametrize("name", REWRITTEN)
def test_what_says_the_same_to_rdf_but_not_to_readers_is_refused(name: str) -> None:
    changed = linked()
    REWRITTEN[name](changed)
    assert made.codes(checked(changed)) & {"term_undefined", "told_twice", "context_not_installed"}


KEYS = ("z6MkjZRZv3aez3r18pB1RBFJR1kwUVJ5jHt92JmQwXbd5hwi", "z6Mknyb2Gb4NxzW3xSr9ChTtdQZ1zs77piQ3r9SaJ9vMzmrs")
"""Those that sign the samples of Example Corp and Example University, and of 1EdTech University."""


def sample_issuer(document: dict[str, Any]) -> Issuer:
    """Return the issuer of a sample with its keys, as a file of trusted issuers would name it."""
    said = document.get("issuer")
    named = said["id"] if isinstance(said, dict) else "https://example.edu/issuers/565049"
    methods = [{"id": f"{named}#{key}", "controller": named, "publicKeyMultibase": key} for key in KEYS]
    read = issuer_from(
        {"id": named, "verificationMethod": methods, "assertionMethod": [one["id"] for one in methods]}, "x"
    )
    assert read is not None
    return read


def sample(name: str, known: linked_data.Contexts | None = None) -> tuple[dict[str, Any], Checked]:
    """Return a sample and what is found of it by a bank that trusts its issuer and has its contexts installed."""
    document = parsed((SAMPLES / f"{name}.json").read_bytes(), bytes_max=2**20)
    assert isinstance(document, dict)
    issuer = sample_issuer(document)
    return document, checked_document(document, {issuer.id: issuer}, made.AT, known or contexts())


SIGNED = ("ob30/simple", "ob30/simple-multiple-proofs", "ob30/complete", "clr20/simple")


@needs_samples
@pytest.mark.parametrize("name", SIGNED)
def test_signed_samples_hold_and_changed_ones_do_not(name: str) -> None:
    document, found = sample(name)
    assert (found.faults, found.proof) == ((), "eddsa-rdfc-2022")
    issuer = sample_issuer(document)
    for change in ({"name": "x"}, {"validFrom": "2010-01-02T00:00:00Z"}):
        changed = checked_document(document | change, {issuer.id: issuer}, made.AT, contexts())
        assert made.codes(changed) == {"signature_wrong"}


FAULTY = {
    "simple-err-context": "wrong_context",
    "simple-err-credential-subject-identifier-type": "not_a_credential",
    "simple-err-credential-subject-result-type": "not_a_credential",
    "simple-err-evidence-type": "not_a_credential",
    "simple-err-issued": "not_yet_valid",
    "simple-err-issuer-parentorg-type": "not_a_credential",
    "simple-err-issuer": "not_a_credential",
    "simple-err-proof-method": "key_unknown",
    "simple-err-proof-method-unknown-did-method": "key_unknown",
    "simple-err-type": "not_a_credential",
    "simple-noproof": "proof_missing",
    "simple-context-version": "context_not_installed",
    "simple-eddsa-2022": "context_not_installed",
}
"""Why each is refused; the last two name older contexts, of which there is no file beside the checkout."""


@needs_samples
@pytest.mark.parametrize("name", FAULTY)
def test_samples_with_a_fault_are_refused_for_it(name: str) -> None:
    assert FAULTY[name] in made.codes(sample(f"ob30/{name}")[1])


@needs_samples
def test_no_sample_is_left_out() -> None:
    named = {*SIGNED, *(f"ob30/{name}" for name in FAULTY)}
    there = {path.relative_to(SAMPLES).with_suffix("").as_posix() for path in SAMPLES.glob("*/*.json")}
    assert {name for name in there if not name.startswith("contexts/")} == named


@needs_samples
def test_an_issuer_by_did_key_is_believed_if_the_file_names_it() -> None:
    secret = made.keys(3).keys[Algorithm.EDDSA]
    multibase = secret.public.multibase
    named = f"did:key:{multibase}"
    method = f"{named}#{multibase}"
    said = made.document(issuer={"id": named, "type": ["Profile"], "name": "别家"})
    signed = with_proof(said, secret, method, made.AT, contexts())
    key = {"id": method, "controller": named, "type": "Multikey", "publicKeyMultibase": multibase}
    issuer = issuer_from({"id": named, "verificationMethod": [key], "assertionMethod": [method]}, "x")
    assert issuer is not None
    assert checked_document(signed, {named: issuer}, made.AT, contexts()).faults == ()
    assert made.codes(checked(signed)) == {"issuer_unknown"}
