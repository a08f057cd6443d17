"""Rows of a file as records to be: of a table by its mapping, of NDJSON as they are or by a mapping."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from creditbank.core.errors import Fault, Malformed
from creditbank.core.normalisation import certificate_key
from creditbank.formats.csv_rows import Lines, rows
from creditbank.formats.row_binding import Binding, Derive, Document, bound
from creditbank.formats.row_mapping import DEFAULT, IGNORED, recognised
from creditbank.formats.strict_json import parsed

_KEYS: dict[str, Callable[[str], str]] = {"external_id": str.strip, "certificate_no": certificate_key}

OWN_MEMBER = "rejected"
"""What the bank adds to a rejected line of NDJSON, and passes over when it comes again."""


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row as it was read: its line, what it tells, what it was, and where the next one begins."""

    line: int
    documents: list[Document]
    source: Sequence[str] | str
    position: int
    next_line: int

    @property
    def learner(self) -> str:
        """Return the id or the number by which the row names its learner, as written; empty where it names nobody."""
        told = self.documents[0].value.get("learner") if self.documents else None
        if not isinstance(told, dict):
            return ""
        identifier = told.get("identifier")
        value = told.get("id") or (identifier.get("value") if isinstance(identifier, dict) else None)
        return value if isinstance(value, str) else ""

    @property
    def keys(self) -> list[str]:
        """Return what no two records of the bank have in common: ids and numbers of certificates, told apart."""
        told = ((name, document.value.get(name)) for document in self.documents for name in _KEYS)
        return [f"{name} {_KEYS[name](value)}" for name, value in told if isinstance(value, str) and value]


def table_rows(lines: Lines, delimiter: str, binding: Binding, derive: Derive) -> Iterator[ReadRow]:
    """Give the rows of a table that isn't blank. Refused: Malformed where it is broken, which was looked for before."""
    documents = binding.documents
    for row in rows(lines, delimiter):
        yield ReadRow(row.line, documents(row.cells, derive), row.cells, row.position, row.next_line)


def json_rows(lines: Lines, mapping: str, derive: Derive) -> Iterator[ReadRow]:
    """Give the lines of NDJSON that aren't blank: documents of the API, or flat objects that a mapping understands."""
    for line in lines:
        if line.strip():
            document = _json_documents(line, mapping, derive)
            yield ReadRow(lines.number, document, line.rstrip("\r\n"), lines.position, lines.number + 1)


def _json_documents(line: str, mapping: str, derive: Derive) -> list[Document]:
    content = line.encode()
    try:
        value = parsed(content, bytes_max=len(content))
    except Malformed as malformed:
        return [Document(0, {}, malformed.faults)]
    if not isinstance(value, dict):
        return [Document(0, {}, (Fault("", "wrong_type", "此处应为 JSON 对象。", "A JSON object belongs here."),))]
    value.pop(OWN_MEMBER, None)
    if mapping == DEFAULT:
        return [Document(0, value)]
    binding = _bound_to(mapping, tuple(value))
    if not isinstance(binding, Binding):
        return [Document(0, {}, binding)]
    nested = tuple(
        _nested(name) for name, one in value.items() if isinstance(one, dict | list) and _counts(mapping, name)
    )
    if nested:
        return [Document(0, {}, nested)]
    return binding.documents([_cell(one) for one in value.values()], derive)


@lru_cache(1000)
def _bound_to(mapping: str, names: tuple[str, ...]) -> Binding | tuple[Fault, ...]:
    """Return a mapping bound to the members of an object; numbers of documents are texts in JSON."""
    return bound(mapping, names, is_typed=True)


def _cell(value: Any) -> str:  # noqa: ANN401 - any JSON value comes
    """Return a member as it would stand in a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _counts(mapping: str, name: str) -> bool:
    """Tell whether a member means something here."""
    meaning = recognised(mapping, name)
    return meaning is not None and meaning[1].to != IGNORED


def _nested(name: str) -> Fault:
    zh, en = "此处应为文本或数字，不应为数组或对象。", "A text or a number belongs here, no array or object."
    return Fault(f"/{name}", "wrong_type", zh, en)


ReadRows = Callable[[Iterable[bytes], int, int], Iterator[ReadRow]]
"""Gives the rows behind a position and a line, of pieces that begin there."""
