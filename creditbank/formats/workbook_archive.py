"""A workbook (XLSX) as an archive: whether it may be opened, by its list of parts alone, and where its sheets stand."""

import io
import zipfile
from dataclasses import dataclass
from xml.etree.ElementTree import Element, fromstring

from creditbank.core.errors import Fault

BYTES_MAX = 64 * 1024 * 1024
"""The largest workbook: half a million rows; it is opened in memory, so that no part of it lies open on a disk."""

UNPACKED_MAX = 512 * 1024 * 1024
"""What all parts of a workbook may unpack to: 100,000 rows of 15 columns take 70 MB."""

SHEET_UNPACKED_MAX = 384 * 1024 * 1024
RATIO_MAX = 200
"""How much smaller a part may be packed than it is: sheets are packed to a tenth, what is repeated a million times to
a thousandth."""

RATIO_FROM_BYTES = 1024 * 1024
"""Below this size nothing harms, however well it is packed; a list of sheets has far less."""

MEMBERS_MAX = 1_000

_ENCRYPTED_FLAG = 1
_CONTENT_TYPES = "[Content_Types].xml"
_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_MACROS = "xl/vbaProject.bin"
_DOCUMENTS = (_CONTENT_TYPES, "mimetype")
"""One of these is in the archive that a document is: of Word, a binary workbook, an OpenDocument table."""


def archive_fault(content: bytes) -> Fault | None:
    """Return what is wrong with a workbook by its list of parts alone; nothing is unpacked."""
    if len(content) > BYTES_MAX:
        most = BYTES_MAX // 1024 // 1024
        zh = f"工作簿大于 {most} MiB；请另存为 CSV UTF-8，CSV 可以大得多。"
        en = f"The workbook is larger than {most} MiB; save it as CSV UTF-8, which may be far larger."
        return Fault("", "workbook_too_large", zh, en)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return broken()
    names = {part.filename for part in parts}
    if any(part.flag_bits & _ENCRYPTED_FLAG for part in parts):
        zh, en = "压缩包已加密；请去掉密码后再提交。", "The archive is encrypted; take its password away."
        return Fault("", "old_or_encrypted_workbook", zh, en)
    if _CONTENT_TYPES not in names or _WORKBOOK not in names:
        return _other(names)
    if _MACROS in names:
        zh, en = "工作簿含有宏；请另存为不含宏的 .xlsx。", "The workbook holds macros; save it as .xlsx without them."
        return Fault("", "macros", zh, en)
    return _bomb(parts)


def broken() -> Fault:
    """Return the fault of what calls itself a workbook and can't be read."""
    zh = "无法作为 .xlsx 工作簿打开；请在 Excel 或 WPS 中重新另存为 .xlsx。"
    return Fault("", "broken_workbook", zh, "It can't be opened as .xlsx; save it anew in a spreadsheet program.")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts in which sheets stand, by the sheets' names, and all that a reader may take for one."""

    sheets: dict[str, str]
    linked: frozenset[str]


def parts_of(archive: zipfile.ZipFile) -> Parts:
    """Return which parts the list of sheets names. Raised: ParseError, KeyError where it can't be read."""
    names = {part.casefold(): part for part in archive.namelist()}
    linked, targets = set(), {}
    for one in _listed(archive, _RELATIONS, "Relationship"):
        part = names.get(_part_name(one.get("Target", "")))
        if part is not None:
            linked.add(part)
            targets[one.get("Id")] = part
    sheets: dict[str, str] = {}
    for sheet in _listed(archive, _WORKBOOK, "sheet"):
        relation = next((value for name, value in sheet.items() if name.endswith("}id")), None)
        if relation in targets:
            sheets.setdefault(sheet.get("name", ""), targets[relation])
    return Parts(sheets, frozenset(linked))


def _other(names: set[str]) -> Fault:
    """Return what an archive is that is no workbook: a document of another program, or files packed together."""
    if names.isdisjoint(_DOCUMENTS):
        zh = "这是 ZIP 压缩包，但不是 .xlsx 工作簿；请解压后提交其中的表格。"
        return Fault("", "no_table", zh, "This is a ZIP archive but no .xlsx workbook; unpack it and send the table.")
    zh = "这是其他格式的文档（如 .xlsb、.ods、.docx），不是 .xlsx 工作簿；请另存为 .xlsx 后提交。"
    en = "This is a document of another kind, such as .xlsb, .ods or .docx; save it as .xlsx and send that."
    return Fault("", "no_table", zh, en)


def _bomb(parts: list[zipfile.ZipInfo]) -> Fault | None:
    """Return the fault of an archive that would unpack to far more than it is, or overlaps itself."""
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    is_bomb = (
        len(parts) > MEMBERS_MAX
        or unpacked > UNPACKED_MAX
        or any(part.file_size > SHEET_UNPACKED_MAX for part in parts)
        or any(
            part.file_size > RATIO_FROM_BYTES and part.file_size > RATIO_MAX * max(part.compress_size, 1)
            for part in parts
        )
        or len({part.header_offset for part in parts}) < len(parts)
        or len({part.filename.casefold() for part in parts}) < len(parts)
        or (unpacked > RATIO_FROM_BYTES and unpacked > RATIO_MAX * max(packed, 1))
    )
    return too_much() if is_bomb else None


def too_much() -> Fault:
    """Return the fault of a workbook that would take far more memory than it has bytes."""
    zh = "工作簿解压后过大或异常，未予打开；请删除多余的工作表和格式，或另存为 CSV UTF-8。"
    en = "It would unpack to far too much and wasn't opened; remove sheets and formats, or save it as CSV UTF-8."
    return Fault("", "unpacks_to_too_much", zh, en)


def _listed(archive: zipfile.ZipFile, part: str, tag: str) -> list[Element]:
    """Return the elements of a part with some tag, of any namespace."""
    with archive.open(part) as stream:
        root = fromstring(stream.read(RATIO_FROM_BYTES))  # noqa: S314 - short, and expat expands no bombs
    return [one for one in root.iter() if one.tag.rpartition("}")[2] == tag]


def _part_name(target: str) -> str:
    """Return the name of a part, in small letters, as the list of sheets calls it: from the top, or beside itself."""
    name = target.replace("\\", "/").casefold()
    return name[1:] if name.startswith("/") else name if name.startswith("xl/") else f"xl/{name}"
