"""ELMO: the official example, the official schema, a way there and back, and what is refused."""

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from creditbank.core.errors import Malformed
from creditbank.core.transcript import Credit, Learnt, Report, Transcript, counted
from creditbank.formats.elmo import BYTES_MAX, DEPTH_MAX, LEARNT_MAX, read_transcript
from creditbank.formats.elmo_writing import write_transcript
from tests.formats.elmo import HEAD, course, credit, document

OFFICIAL = Path(__file__).resolve().parents[3] / "shared" / "standards" / "elmo"
is_there = pytest.mark.skipif(not OFFICIAL.exists(), reason=f"the official files of ELMO are not beside: {OFFICIAL}")


def faults(body: bytes) -> list[tuple[str, str]]:
    """Return the places and codes of what is wrong with a document."""
    with pytest.raises(Malformed) as refused:
        read_transcript(body)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def total(learnt: Any) -> dict[str, int]:
    """Return the hundredths that count, by scheme."""
    sums: dict[str, int] = {}
    for one in counted(learnt):
        sums[one.credit.scheme_key] = sums.get(one.credit.scheme_key, 0) + one.credit.hundredths
    return sums


@is_there
def test_the_official_examples_degree_counts_120_and_not_135() -> None:
    transcript = read_transcript((OFFICIAL / "example.xml").read_bytes())
    degree, compilers, bare = transcript.reports[0].learnt
    assert total([degree]) == {"ects": 12000}
    assert total([compilers]) == {"ects": 600}
    assert total([bare]) == {}
    assert bare.title("en") == "The importance of <br> in HTML"
    assert (degree.title("en"), degree.title("xx", "no")) == ("Master of Science in Biology", "Master i biologi")
    assert (transcript.family_name, transcript.born_on) == ("Rygielski", date(1983, 4, 12))


@is_there
def test_what_is_written_of_the_official_example_is_valid_and_read_alike() -> None:
    transcript = read_transcript((OFFICIAL / "example.xml").read_bytes())
    written = write_transcript(transcript)
    assert read_transcript(written) == transcript
    check(written)


RAW = "https://raw.githubusercontent.com"
LOCAL = {
    f"{RAW}/emrex-eu/elmo-schemas/v1/references/xmldsig-core-schema.xsd": "xmldsig-core-schema.xsd",
    f"{RAW}/emrex-eu/elmo-schemas/v1/references/EUROPASS_ISOCountries_V1.1.xsd": "EUROPASS_ISOCountries_V1.1.xsd",
    f"{RAW}/erasmus-without-paper/ewp-specs-types-address/stable-v1/schema.xsd": "ewp-specs-types-address.xsd",
    f"{RAW}/erasmus-without-paper/ewp-specs-architecture/stable-v1/common-types.xsd": "ewp-common-types.xsd",
}
"""Where the schemas lie that the official one imports."""


def mapped(uri: str) -> str:
    """Return the file that stands for an address."""
    if uri.endswith("xml.xsd"):
        return str(Path(xmlschema.__file__).parent / "schemas" / "XML" / "xml.xsd")
    return str(OFFICIAL / "references" / LOCAL[uri]) if uri in LOCAL else uri


class Beside(etree.Resolver):
    """Finds imported schemas beside the official one."""

    def resolve(self, url: str, _public_id: object, context: Any) -> Any:
        """Return the file."""
        found = mapped(url)
        return self.resolve_filename(found, context) if Path(found).exists() else None


@cache
def schemas() -> tuple[xmlschema.XMLSchema, etree.XMLSchema]:
    """Return the official schema as two implementations have it."""
    parser = etree.XMLParser()
    parser.resolvers.add(Beside())
    path = str(OFFICIAL / "schema.xsd")
    return xmlschema.XMLSchema(path, uri_mapper=mapped), etree.XMLSchema(etree.parse(path, parser))


def check(written: bytes) -> None:
    """Hold a document against the official schema, by two implementations."""
    one, other = schemas()
    one.validate(written.decode())
    other.assertValid(etree.fromstring(written))


TITLES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
CREDITS = st.builds(Credit, st.sampled_from(["ECTS", "ects", "cn-16h-half"]), st.integers(0, 10**10 - 1))
LEARNT = st.recursive(
    st.builds(
        Learnt,
        place=st.just(""),
        titles=st.tuples(st.tuples(st.sampled_from(["", "zh", "en"]), TITLES)),
        type=st.sampled_from([None, "Course", "Degree Programme"]),
        identifiers=st.tuples(st.tuples(st.just("local"), TITLES)),
        completed_on=st.none() | st.dates(date(1900, 1, 1), date(2100, 1, 1)),
        status=st.sampled_from([None, "passed", "failed", "in-progress"]),
        credits=st.lists(CREDITS, max_size=2).map(tuple),
        levels=st.sampled_from([(), (("EQF", "6"),)]),
        hours_hundredths=st.none() | st.integers(0, 10**6),
    ),
    lambda inner: st.builds(
        lambda one, parts: Learnt("", one.titles, credits=one.credits, parts=tuple(parts)),
        inner,
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


@settings(deadline=None)  # the first example reads the official schema
@given(st.lists(LEARNT, max_size=3))
def test_a_way_there_and_back_keeps_every_credit(learnt: list[Learnt]) -> None:
    moment = datetime(2026, 1, 31, 8, tzinfo=UTC)
    report = Report((("zh", "重庆大学"),), (("creditbank", "cqdx"),), "https://bank.test", moment, tuple(learnt))
    transcript = Transcript("", "王芳", None, moment, (report,))
    written = write_transcript(transcript)
    if OFFICIAL.exists():
        check(written)
    back = read_transcript(written)
    assert total(back.reports[0].learnt) == total(learnt)
    assert write_transcript(back) == written


@given(st.lists(LEARNT, max_size=3))
def test_along_a_path_each_scheme_counts_once(learnt: list[Learnt]) -> None:
    places = {id(one.learnt) for one in counted(learnt)}

    def walk(one: Learnt, above: frozenset[str]) -> None:
        own = {credit.scheme_key for credit in one.credits}
        assert (id(one) in places) == bool(own - above)
        for part in one.parts:
            walk(part, above | own)

    for one in learnt:
        walk(one, frozenset())


@pytest.mark.parametrize(
    ("value", "hundredths"),
    [("6", 600), ("6.0", 600), ("+06.500", 650), (".5", 50), ("7.", 700), ("0", 0), ("99999999.99", 9999999999)],
)
def test_amounts_are_read_as_xml_writes_them(value: str, hundredths: int) -> None:
    (learnt,) = read_transcript(document(course(credit(value)))).reports[0].learnt
    assert [one.hundredths for one in learnt.credits] == [hundredths]


@pytest.mark.parametrize("value", ["-1", "1.005", "1e3", "NaN", "INF", "１", "1,5", "100000000", ".", "+", "1 0"])
def test_amounts_that_are_none_are_refused_by_place(value: str) -> None:
    (place, code), *more = faults(document(course(credit(value))))
    assert not more or code
    assert place.startswith("/elmo/report[1]/learningOpportunitySpecification[1]/specifies/learningOpportunityInstance")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "not_xml"),
        (b"\x00\x01", "not_xml"),
        (b"<elmo", "not_xml"),
        (b"<elmo/>", "not_elmo"),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'/>", "not_elmo"),
        (b"<!DOCTYPE elmo>" + document(), "document_type"),
        (b" " * (BYTES_MAX + 1), "too_large"),
    ],
)
def test_what_is_no_elmo_is_refused(body: bytes, expected: str) -> None:
    assert faults(body) == [("", expected)]


def test_entities_are_neither_expanded_nor_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not for you", "utf-8")
    bomb = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
    for subset in (
        f'<!ENTITY a0 "ha">{bomb}',
        f'<!ENTITY a9 SYSTEM "{secret.as_uri()}">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1:9/">%a;',
    ):
        title = "<title>&a9;</title>" if "a9" in subset else "<title>T</title>"
        body = f"<!DOCTYPE elmo [{subset}]>".encode() + document(course(title=title))
        ((place, code),) = faults(body)
        assert (place, code) == ("", "document_type")


@pytest.mark.parametrize("text", ["2025-06-30+", "2025-06-30+x", "2025-06-30-garbage", "2025-W27-3", "20250630"])
def test_a_day_is_read_as_xml_writes_it(text: str) -> None:
    assert [code for _, code in faults(document(course(f"<date>{text}</date>")))] == ["wrong_date"]
    for right in ("2025-06-30", "2025-06-30Z", "2025-06-30+08:00"):
        (report,) = read_transcript(document(course(f"<date>{right}</date>"))).reports
        assert report.learnt[0].completed_on == date(2025, 6, 30)


def test_a_deep_or_endless_document_is_refused() -> None:
    deep = ""
    for _ in range(DEPTH_MAX + 1):
        deep = course(parts=deep)
    assert [code for _, code in faults(document(deep))] == ["too_many"]
    assert [code for _, code in faults(document(course() * (LEARNT_MAX + 1)))] == ["too_many"]
    assert len(read_transcript(document(course() * LEARNT_MAX)).reports[0].learnt) == LEARNT_MAX


def test_every_fault_is_told_by_its_place() -> None:
    bad = course("<date>2026-02-30</date><credit><scheme> </scheme></credit>", title="<title> </title>")
    found = faults(document(bad, learner="", head=HEAD.replace("Z<", "<")))
    first = "/elmo/report[1]/learningOpportunitySpecification[1]"
    instance = f"{first}/specifies/learningOpportunityInstance"
    assert sorted(found) == sorted(
        [
            ("/elmo/generatedDate", "wrong_instant"),
            ("/elmo/learner", "required"),
            (f"{first}/title", "required"),
            (f"{instance}/date", "wrong_date"),
            (f"{instance}/credit[1]/scheme", "required"),
            (f"{instance}/credit[1]/value", "required"),
        ]
    )
