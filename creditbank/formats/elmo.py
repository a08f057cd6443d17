"""ELMO 1.x, the XML of EMREX for transcripts of records, as it is read.

Read strictly: no document type, no entities, nothing fetched, bounded size and depth. Not read are signatures, diploma
supplements, attachments and grade distributions. Source: the schema at https://github.com/emrex-eu/elmo-schemas, v1.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from lxml import etree

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.errors import Fault, Malformed
from creditbank.core.transcript import Credit, Learnt, Report, Transcript

NAMESPACE = "https://github.com/emrex-eu/elmo-schemas/tree/v1"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

BYTES_MAX = 8 * 1024 * 1024
"""The largest document: a degree with its attachments."""

DEPTH_MAX = 12
"""How deep parts may stand in parts: faculties have programmes, modules, courses and classes."""

LEARNT_MAX = 2000
"""Programmes, courses and classes of one document: far more than a life of study."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)
"""An xs:date, which may have its zone."""

_AMOUNT = re.compile(r"[0-9]{1,8}\.[0-9]{0,2}", re.ASCII)


def read_transcript(document: bytes) -> Transcript:
    """Return what the document tells. Refused: Malformed with every fault by its place, such as /elmo/report[1]."""
    root = _parsed(document)
    reading = _Reading()
    learner = root.find(tag("learner"))
    generated_at = reading.instant(root, "generatedDate", "/elmo")
    born_on = None if learner is None else reading.day(learner, "bday", "/elmo/learner")
    reports = tuple(
        reading.report(one, f"/elmo/report[{number}]") for number, one in enumerate(root.findall(tag("report")), 1)
    )
    if learner is None:
        reading.note("/elmo/learner", "required", "缺少 learner。", "The learner is missing.")
    if not reports:
        reading.note("/elmo/report", "required", "没有成绩报告。", "There is no report.")
    if reading.faults:
        raise Malformed(tuple(reading.faults))
    assert learner is not None, "its absence is a fault"
    assert generated_at is not None, "its absence is a fault"
    names = (_text(learner, "givenNames"), _text(learner, "familyName"))
    return Transcript(*names, born_on, generated_at, tuple(one for one in reports if one is not None))


def _parsed(document: bytes) -> etree._Element:
    """Return the document's root. Refused: Malformed where it is too large, no XML, no ELMO or has a document type."""
    if len(document) > BYTES_MAX:
        zh = f"文件超过 {BYTES_MAX // 2**20} MB；请去掉附件后再试。"
        raise _malformed("too_large", zh, f"The document is over {BYTES_MAX // 2**20} MB; send it without attachments.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        if b"<!DOCTYPE" in document:
            raise _document_type() from error  # its entities may be all that is wrong
        line = error.lineno
        zh, en = f"第 {line} 行不是合法的 XML。", f"Line {line} is not well-formed XML."
        raise _malformed("not_xml", zh, en) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise _document_type()
    if root.tag != tag("elmo"):
        zh, en = f"根元素应为命名空间 {NAMESPACE} 的 elmo。", f"The root has to be elmo in the namespace {NAMESPACE}."
        raise _malformed("not_elmo", zh, en)
    return root


class _Reading:
    """Reads a document part by part and collects what is wrong."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._learnt_count = 0

    def note(self, place: str, code: str, zh: str, en: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(place, code, zh, en))

    def report(self, element: etree._Element, place: str) -> Report | None:
        """Return what an institution tells."""
        issuer = element.find(tag("issuer"))
        if issuer is None:
            self.note(f"{place}/issuer", "required", "缺少颁发机构。", "The issuer is missing.")
            return None
        titles = self._titles(issuer, f"{place}/issuer")
        issued_at = self.instant(element, "issueDate", place)
        learnt = self._learnt_in(element.findall(tag("learningOpportunitySpecification")), place, 1)
        if issued_at is None:
            return None
        return Report(titles, _identifiers(issuer), _text(issuer, "url"), issued_at, learnt)

    def _learnt_in(self, elements: Iterable[etree._Element], place: str, depth: int) -> tuple[Learnt, ...]:
        found = []
        for number, element in enumerate(elements, 1):
            self._learnt_count += 1
            here = f"{place}/learningOpportunitySpecification[{number}]"
            if depth > DEPTH_MAX or self._learnt_count > LEARNT_MAX:
                zh = f"最多 {DEPTH_MAX} 层、{LEARNT_MAX} 项；请拆分文件。"
                en = f"At most {DEPTH_MAX} levels and {LEARNT_MAX} items are taken; send them in parts."
                self.note(here, "too_many", zh, en)
                break
            found.append(self._learnt(element, here, depth))
        return tuple(found)

    def _learnt(self, element: etree._Element, place: str, depth: int) -> Learnt:
        """Return one programme, course or class with its parts."""
        instance = element.find(f"{tag('specifies')}/{tag('learningOpportunityInstance')}")
        if instance is None:
            self.note(f"{place}/specifies", "required", "缺少学习记录。", "What the learner did is missing.")
            instance = etree.Element(tag("learningOpportunityInstance"))
        here = f"{place}/specifies/learningOpportunityInstance"
        parts = [
            part
            for has_part in element.findall(tag("hasPart"))
            for part in has_part.findall(tag("learningOpportunitySpecification"))
        ]
        return Learnt(
            place=place,
            titles=self._titles(element, place),
            type=_text(element, "type") or None,
            identifiers=_identifiers(element),
            instances=_identifiers(instance),
            started_on=self.day(instance, "start", here),
            completed_on=self.day(instance, "date", here),
            status=_text(instance, "status") or None,
            result=_text(instance, "resultLabel") or None,
            grading=_text(instance, "gradingSchemeLocalId") or None,
            credits=tuple(self._credits(instance, here)),
            levels=tuple(_levels(instance)),
            hours_hundredths=self._hundredths(instance, "engagementHours", here),
            parts=self._learnt_in(parts, f"{place}/hasPart", depth + 1),
        )

    def _credits(self, instance: etree._Element, place: str) -> Iterator[Credit]:
        """Yield the credits; a value is required here, which the schema leaves open."""
        for number, element in enumerate(instance.findall(tag("credit")), 1):
            here = f"{place}/credit[{number}]"
            scheme = _text(element, "scheme")
            hundredths = self._hundredths(element, "value", here)
            if not scheme:
                self.note(f"{here}/scheme", "required", "缺少学分体系。", "The credit scheme is missing.")
            if element.find(tag("value")) is None:
                self.note(f"{here}/value", "required", "缺少学分数值。", "The number of credits is missing.")
            if scheme and hundredths is not None:
                yield Credit(scheme, hundredths, _text(element, "level") or None)

    def _titles(self, element: etree._Element, place: str) -> tuple[tuple[str, str], ...]:
        titles = [(one.get(LANGUAGE, ""), _token(one)) for one in element.findall(tag("title"))]
        titles = [(language, title) for language, title in titles if title]
        if not titles:
            self.note(f"{place}/title", "required", "缺少名称。", "The title is missing.")
            return (("", ""),)
        return tuple(titles)

    def day(self, element: etree._Element, name: str, place: str) -> date | None:
        """Return a day, or None where there is none."""
        text = _text(element, name)
        if not text:
            return None
        try:
            return date.fromisoformat(text[:10]) if _DAY.fullmatch(text) else _no_day()
        except ValueError:
            zh = "应为日期，格式 YYYY-MM-DD，例如 2026-07-01。"
            self.note(f"{place}/{name}", "wrong_date", zh, "A date belongs here, as YYYY-MM-DD: 2026-07-01.")
            return None

    def instant(self, element: etree._Element, name: str, place: str) -> datetime | None:
        """Return an instant; it is required and has its zone."""
        try:
            found = datetime.fromisoformat(_text(element, name))
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            zh = "应为带时区的时刻，例如 2026-07-01T08:00:00Z。"
            en = "An instant with its zone belongs here: 2026-07-01T08:00:00Z."
            self.note(f"{place}/{name}", "wrong_instant", zh, en)
            return None
        return found

    def _hundredths(self, element: etree._Element, name: str, place: str) -> int | None:
        """Return an amount in hundredths; more than two places are refused, as nothing is rounded here."""
        text = _text(element, name)
        if not text:
            return None
        hundredths = _decimal_hundredths(text)
        if hundredths is None:
            zh = "应为非负十进制数，最多两位小数。"
            en = "A decimal number belongs here, not negative, with at most two places."
            self.note(f"{place}/{name}", "wrong_amount", zh, en)
        return hundredths


def _decimal_hundredths(text: str) -> int | None:
    """Return the hundredths of an xs:decimal, whose plus and outer zeros tell nothing; None where it is no amount."""
    if not text.removeprefix("+").strip("."):
        return None
    whole, _, places = text.removeprefix("+").partition(".")
    whole, places = whole.lstrip("0") or "0", places.rstrip("0")
    if not _AMOUNT.fullmatch(f"{whole}.{places}"):
        return None
    hundredths = int(whole) * 100 + int(places.ljust(2, "0"))
    return hundredths if hundredths <= HUNDREDTHS_MAX else None


def _no_day() -> date:
    raise ValueError("no day")


def tag(name: str) -> str:
    """Return the name of one of the format's elements."""
    return f"{{{NAMESPACE}}}{name}"


def _text(element: etree._Element, name: str) -> str:
    """Return a child's text, empty where there is none."""
    child = element.find(tag(name))
    return "" if child is None else _token(child)


def _token(element: etree._Element) -> str:
    """Return an element's text as an xs:token: no white space around, single spaces inside."""
    return " ".join("".join(map(str, element.itertext())).split())


def _identifiers(element: etree._Element) -> tuple[tuple[str, str], ...]:
    elements = element.findall(tag("identifier"))
    found = ((one.get("type", ""), _token(one)) for one in elements)
    return tuple((kind, value) for kind, value in found if kind and value)


def _levels(instance: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the levels that are told, by framework."""
    for element in instance.findall(tag("level")):
        framework, value = _text(element, "type"), _text(element, "value")
        if framework and value:
            yield framework, value


def _document_type() -> Malformed:
    zh, en = "不接受带 DOCTYPE 的文件；请删去它。", "A document type is not taken; leave the DOCTYPE out."
    return _malformed("document_type", zh, en)


def _malformed(code: str, zh: str, en: str) -> Malformed:
    return Malformed((Fault("", code, zh, en),))
