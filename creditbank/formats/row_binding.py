"""A mapping bound to a table's header: rows become documents as `POST /v1/outcomes` takes them, or their faults."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from creditbank.core.errors import Fault
from creditbank.formats import cells
from creditbank.formats.cells import Read
from creditbank.formats.row_mapping import (
    COLUMNS_MAX,
    IDENTIFIER,
    IGNORED,
    READERS,
    ColumnRule,
    Mapping,
    mapping,
    missing_fields,
    recognised,
    title_of,
    titles_of,
)

HEADER_ROWS_MAX = 10
"""Rows among which the header is looked for: titles and notes stand above it."""

Derive = Callable[[str], str]
"""Makes an id of a text that must not stand in plain."""

_LEARNER = ("learner.id", "learner.name", "identifier.type", "identifier.value", "identifier.issuer")


@dataclass(frozen=True, slots=True)
class Document:
    """A record as a row tells it: which group of a wide row, 0 for the row as a whole; faults where it can't be one."""

    part: int
    value: dict[str, Any]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    index: int
    to: str
    read: Read
    values: dict[str, str]
    title: str


@dataclass(frozen=True, slots=True)
class Binding:
    """What the columns of a table mean. `unknown` are the numbers of columns that mean nothing here, from 0."""

    mapping: Mapping
    width: int
    who: tuple[_Column, ...]
    whole: tuple[_Column, ...]
    groups: tuple[tuple[int, tuple[_Column, ...]], ...]
    unknown: tuple[int, ...]
    derives_id: bool

    def documents(self, row: Sequence[str], derive: Derive) -> list[Document]:
        """Return the records of a row. `derive` makes the id of a record that has none of its own."""
        fault = None if len(row) <= self.width else self._shifted(row)
        if fault is not None:
            return [Document(0, {}, (fault,))]
        theirs, faults = _read(self.who, row)
        found, wrong = _read(self.whole, row)
        faults += wrong
        learner = _learner(theirs)
        if not self.groups:
            return [self._document(0, {**found, "learner": learner}, faults, derive)]
        documents = []
        for number, columns in self.groups:
            own, wrong = _read(columns, row)
            if wrong or not own.keys().isdisjoint(self.mapping.present):
                whole = {**found, **own, "learner": learner}
                documents.append(self._document(number, whole, [*faults, *wrong], derive))
        return documents or [Document(0, {}, (_no_group(),))]

    def title_at(self, pointer: str, part: int) -> str:
        """Return the header of the column from which what stands at a pointer into a record came; empty if unknown."""
        fields = _FIELDS_AT.get(pointer.removeprefix("/"), (pointer.removeprefix("/"),))
        groups = (column for number, group in self.groups if number == part for column in group)
        columns = (*groups, *self.who, *self.whole)
        for field in fields:
            for column in columns:
                if column.to == field or (field == IDENTIFIER and column.to.startswith(IDENTIFIER)):
                    return column.title
        return ""

    def _shifted(self, row: Sequence[str]) -> Fault | None:
        if not any(cell.strip() for cell in row[self.width :]):
            return None
        zh = f"该行有 {len(row)} 个单元格，表头只有 {self.width} 列；内容中的逗号请用引号括起。"
        en = f"The row has {len(row)} cells and the header {self.width}; put cells that hold a comma into quotes."
        return Fault("", "too_many_cells", zh, en)

    def _document(self, part: int, found: dict[str, Any], faults: list[Fault], derive: Derive) -> Document:
        for only in self.mapping.only:
            said = found.pop(only.to, "").casefold()
            faults += [] if said in only.values else [only.fault]
        value: dict[str, Any] = {**self.mapping.constants, **found}
        if "score" in value or "score_scale" in value:
            faults += _score(self.mapping, value)
        if self.derives_id and not faults:
            value["external_id"] = derive(_identity(value))
        return Document(part, value, tuple(faults))


_FIELDS_AT = {
    "learner": ("identifier.value", IDENTIFIER, "learner.id"),
    "learner/id": ("learner.id",),
    "learner/name": ("learner.name",),
    "learner/identifier": ("identifier.value", IDENTIFIER),
    "learner/identifier/value": ("identifier.value", IDENTIFIER),
    "learner/identifier/type": ("identifier.type", IDENTIFIER),
    "learner/identifier/issuer": ("identifier.issuer",),
    "score/value": ("score",),
    "score/scale": ("score_scale", "score"),
}


def bound(code: str, header: Sequence[str], *, is_typed: bool = False) -> Binding | tuple[Fault, ...]:
    """Return a mapping bound to a header, or every reason why it can't be.

    `is_typed` tells that cells came with their types, so that a number of a document that is a text was never damaged.
    """
    found = mapping(code)
    assert found is not None, "its code was looked up before"
    header = trimmed(header)
    if len(header) > COLUMNS_MAX:
        zh = f"共有 {len(header)} 列，最多 {COLUMNS_MAX} 列；请删除多余的列。"
        return (Fault("", "too_many_columns", zh, f"It has {len(header)} columns of {COLUMNS_MAX} at most."),)
    columns: dict[int, dict[str, _Column]] = {}
    unknown, faults = [], []
    for index, name in enumerate(header):
        meaning = recognised(code, name)
        if meaning is None:
            unknown.append(index)
            continue
        number, rule = meaning
        if rule.to == IGNORED:
            continue
        if rule.to in columns.setdefault(number, {}):
            faults.append(_twice(code, rule.to))
        columns[number].setdefault(rule.to, _column(index, rule, name, is_typed=is_typed))
    there = [to for group in columns.values() for to in group]
    faults += [_missing(code, wanted) for wanted in missing_fields(code, there)]
    if faults:
        return tuple(faults)
    order = {rule.to: place for place, rule in enumerate(found.columns)}  # the surer number of a person comes first
    every = sorted(columns.pop(0, {}).values(), key=lambda column: order[column.to])
    who = tuple(column for column in every if _is_of_learner(column.to))
    whole = tuple(column for column in every if not _is_of_learner(column.to))
    groups = tuple((number, tuple(group.values())) for number, group in sorted(columns.items()))
    return Binding(found, len(header), who, whole, groups, tuple(unknown), "external_id" not in there)


def recognised_count(code: str, header: Sequence[str]) -> int:
    """Return how many cells of a row are names of columns: what tells a header from a title above it."""
    return sum(1 for name in trimmed(header)[:COLUMNS_MAX] if name.strip() and recognised(code, name) is not None)


def trimmed(header: Sequence[str]) -> list[str]:
    """Return a header, or a row, without blank cells at its end."""
    names = list(header)
    while names and not names[-1].strip():
        names.pop()
    return names


def _column(index: int, rule: ColumnRule, title: str, *, is_typed: bool) -> _Column:
    read = READERS[rule.reader]
    if is_typed and read is cells.read_document_number:
        read = cells.read_typed_number
    values = rule.values | {code.casefold(): code for code in rule.values.values()}
    return _Column(index, rule.to, read, values, title.strip())


def _read(columns: Sequence[_Column], row: Sequence[str]) -> tuple[dict[str, str], list[Fault]]:
    """Return what stands in the cells of a row, blank ones left out, and what is wrong with them."""
    found: dict[str, str] = {}
    faults: list[Fault] = []
    width = len(row)
    for column in columns:
        index = column.index
        if index >= width or not row[index]:
            continue
        text = column.read(row[index])
        if type(text) is not str:
            assert isinstance(text, Fault), "a reader gives a text or a fault"
            faults.append(text.under(_pointer(column)))
        elif text:
            meant = column.values.get(text.casefold(), text) if column.values else text
            if meant is text and column.values and not text.isascii():
                faults.append(_unknown_word(column))
            else:
                found[column.to] = meant
    return found, faults


_POINTERS = {
    "identifier": "/learner/identifier/value",
    "identifier.value": "/learner/identifier/value",
    "identifier.type": "/learner/identifier/type",
    "identifier.issuer": "/learner/identifier/issuer",
    "learner.id": "/learner/id",
    "learner.name": "/learner/name",
    "score": "/score/value",
    "score_scale": "/score/scale",
}


def _pointer(column: _Column) -> str:
    return _POINTERS.get(column.to.partition(":")[0], f"/{column.to}")


def _is_of_learner(to: str) -> bool:
    return to in _LEARNER or to.startswith(IDENTIFIER)


def _learner(theirs: dict[str, str]) -> dict[str, Any]:
    """Return who learnt: by the bank's id, else by the first number that is there."""
    if "learner.id" in theirs:
        return {"id": theirs["learner.id"]}
    name, kind, value = theirs.get("learner.name"), theirs.get("identifier.type"), theirs.get("identifier.value")
    if value is None or kind is None:
        first = next((to for to in theirs if to.startswith(IDENTIFIER)), None)
        if first is not None:
            kind, value = first.removeprefix(IDENTIFIER), theirs[first]
    learner: dict[str, Any] = {} if name is None else {"name": name}
    if value is not None:
        learner["identifier"] = {"type": kind or "cn.resident_id", "value": value}
        if "identifier.issuer" in theirs:
            learner["identifier"]["issuer"] = theirs["identifier.issuer"]
    return learner


def _score(mapping: Mapping, value: dict[str, Any]) -> list[Fault]:
    """Put a result and its scale together; a scale that no column tells follows from the result.

    Returned: a fault where the result is 1 of 100 or less, as a spreadsheet keeps 85 % as 0.85 and 100 % as 1.
    """
    result, scale = value.pop("score", None), value.pop("score_scale", None)
    if result is None:
        return []
    if scale is None:
        known = mapping.score_words.get(result)
        number = cells.read_amount(result.rstrip("%％"))
        if known is not None:
            result, scale = known
        elif type(number) is str and number.isascii() and number.replace(".", "", 1).isdecimal():
            if 0 < float(number) <= 1:
                return [_percent()]
            result, scale = number, mapping.score_numbers
        else:
            scale = "grade"
    value["score"] = {"value": result, "scale": scale}
    return []


def _identity(value: dict[str, Any]) -> str:
    """Return what makes a record without an id of its own this one and no other: who learnt what, and when."""
    learner = value["learner"]
    identifier = learner.get("identifier", {})
    who = learner.get("id") or f"{identifier.get('type')}\x1f{identifier.get('value')}"
    what = value.get("certificate_no") or f"{value.get('code')}\x1f{value.get('title')}\x1f{value.get('completed_on')}"
    return f"{who}\x1e{value.get('kind')}\x1e{what}"


def _no_group() -> Fault:
    return Fault("", "no_course", "该行没有任何课程。", "The row names no course.")


def _unknown_word(column: _Column) -> Fault:
    zh = f"应为下列之一：{'、'.join(word for word in column.values if not word.isascii())}。"
    en = f"One of these belongs here: {', '.join(dict.fromkeys(column.values.values()))}."
    return Fault(_pointer(column), "wrong_choice", zh, en)


def _percent() -> Fault:
    zh = "成绩不大于 1，可能是百分比单元格（85% 存为 0.85）；请把该列设为“文本”后按百分制重填，如 85。"
    en = "A result of 1 or less may be a cell in percent, which keeps 85 % as 0.85; make the column text and enter 85."
    return Fault("/score/value", "percent", zh, en)


def _missing(code: str, wanted: frozenset[str]) -> Fault:
    names = " / ".join(titles_of(code, wanted))
    which_zh, which_en = ("", "") if len(wanted) == 1 else ("（下列之一）", ", one of these")
    zh = f"缺少必需的列{which_zh}：{names}；模板见 GET /v1/imports/templates/{code}。"
    en = f"A column that is needed is missing{which_en}: {names}; GET /v1/imports/templates/{code} gives a template."
    return Fault("", "missing_column", zh, en)


def _twice(code: str, field: str) -> Fault:
    name = title_of(code, field)
    zh, en = f"有两列都是“{name}”；请只保留一列。", f"Two columns are {name}; keep one of them."
    return Fault("", "column_twice", zh, en)
