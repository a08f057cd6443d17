"""ELMO 1.x, the XML of EMREX for transcripts of records, as it is written. Source: as for `creditbank.formats.elmo`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from lxml import etree

from creditbank.core.credit import decimal_text
from creditbank.core.transcript import Learnt, Report, Transcript
from creditbank.formats.elmo import LANGUAGE, NAMESPACE, tag


def write_transcript(transcript: Transcript) -> bytes:
    """Return the transcript as an ELMO document, valid by its schema."""
    names: Any = {None: NAMESPACE}
    root = etree.Element(tag("elmo"), nsmap=names)
    _add(root, "generatedDate", _instant(transcript.generated_at))
    learner = etree.SubElement(root, tag("learner"))
    _add(learner, "givenNames", transcript.given_names)
    _add(learner, "familyName", transcript.family_name)
    if transcript.born_on is not None:
        _add(learner, "bday", transcript.born_on.isoformat())
    for report in transcript.reports:
        _add_report(root, report)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _add(parent: etree._Element, name: str, text: str, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, tag(name), attributes)
    child.text = text
    return child


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _add_named(
    parent: etree._Element, identifiers: Iterable[tuple[str, str]], titles: Iterable[tuple[str, str]]
) -> None:
    for kind, value in identifiers:
        _add(parent, "identifier", value, type=kind)
    for language, title in titles:
        _add(parent, "title", title, **({LANGUAGE: language} if language else {}))


def _add_report(root: etree._Element, report: Report) -> None:
    element = etree.SubElement(root, tag("report"))
    issuer = etree.SubElement(element, tag("issuer"))
    _add_named(issuer, report.issuer_identifiers, report.issuer_titles)
    _add(issuer, "url", report.issuer_url)
    for one in report.learnt:
        _add_learnt(element, one)
    _add(element, "issueDate", _instant(report.issued_at))


def _add_learnt(parent: etree._Element, one: Learnt) -> None:
    element = etree.SubElement(parent, tag("learningOpportunitySpecification"))
    _add_named(element, one.identifiers, one.titles)
    if one.type is not None:
        _add(element, "type", one.type)
    instance = etree.SubElement(etree.SubElement(element, tag("specifies")), tag("learningOpportunityInstance"))
    _add_named(instance, one.instances, ())
    texts = (
        ("start", one.started_on and one.started_on.isoformat()),
        ("date", one.completed_on and one.completed_on.isoformat()),
        ("status", one.status),
        ("gradingSchemeLocalId", one.grading),
        ("resultLabel", one.result),
    )
    for name, text in texts:
        if text:
            _add(instance, name, text)
    for credit in one.credits:
        held = etree.SubElement(instance, tag("credit"))
        _add(held, "scheme", credit.scheme)
        if credit.level is not None:
            _add(held, "level", credit.level)
        _add(held, "value", decimal_text(credit.hundredths))
    for framework, value in one.levels:
        level = etree.SubElement(instance, tag("level"))
        _add(level, "type", framework)
        _add(level, "value", value)
    if one.hours_hundredths is not None:
        _add(instance, "engagementHours", decimal_text(one.hours_hundredths))
    for part in one.parts:
        _add_learnt(etree.SubElement(element, tag("hasPart")), part)
