"""What bytes that came as a file with rows are: its kind by how it begins, and its encoding by all of it."""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from creditbank.core.errors import Fault
from creditbank.core.importing import SheetFormat

UTF_8 = "utf-8"
GB18030 = "gb18030"
ENCODINGS = (UTF_8, GB18030)
"""What texts may be written in; GB18030 reads GBK and GB2312 as well."""

BYTE_ORDER_MARK = codecs.BOM_UTF8

SNIFFED_BYTES = 4096
"""How much of a file tells what it is."""

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHERS = (
    (b"\x89PNG", "PNG 图片", "a PNG picture"),
    (b"\xff\xd8\xff", "JPEG 图片", "a JPEG picture"),
    (b"GIF8", "GIF 图片", "a GIF picture"),
    (b"BM", "BMP 图片", "a BMP picture"),
    (b"RIFF", "多媒体文件", "a media file"),
    (b"%PDF", "PDF 文件", "a PDF"),
    (b"Rar!", "RAR 压缩包", "a RAR archive"),
    (b"7z\xbc\xaf", "7z 压缩包", "a 7z archive"),
    (b"\x1f\x8b", "gzip 压缩文件", "a gzip file"),
    (b"{\\rtf", "RTF 文档", "an RTF document"),
    (b"PAR1", "Parquet 文件", "a Parquet file"),
)
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|!|html|head|meta|style|table|svg)", re.IGNORECASE)
_ARRAY = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*[\[{]")
_OBJECT = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")


def kind_of(beginning: bytes, wanted: SheetFormat | None = None) -> SheetFormat | Fault:
    """Return what a file is by its first SNIFFED_BYTES bytes, or why it is none that is taken.

    A name or type proves nothing; `wanted` only tells CSV and NDJSON apart where both could be.
    """
    if not beginning:
        return Fault("", "empty_file", "文件是空的。", "The file is empty.")
    if beginning.startswith(_ZIP):
        return SheetFormat.XLSX
    fault = _other(beginning)
    if fault is not None:
        return fault
    if wanted in (SheetFormat.CSV, SheetFormat.NDJSON):
        return wanted
    return SheetFormat.NDJSON if _OBJECT.match(beginning) else SheetFormat.CSV


def _other(beginning: bytes) -> Fault | None:
    """Return why what begins like this isn't a text with rows, None where it may be one."""
    if beginning.startswith(_OLE):
        zh = "这是旧版 Excel（.xls）或加密的 Excel 文件；请去掉密码并另存为 .xlsx 或 CSV UTF-8。"
        en = "This is an old or encrypted Excel file; take its password away and save it as .xlsx or CSV UTF-8."
        return Fault("", "old_or_encrypted_workbook", zh, en)
    if beginning.startswith(_WIDE):
        zh = "文件是 UTF-16 编码（“Unicode 文本”）；请另存为“CSV UTF-8”。"
        return Fault("", "utf_16", zh, "The file is UTF-16 (“Unicode text”); save it as “CSV UTF-8”.")
    for magic, zh, en in _OTHERS:
        if beginning.startswith(magic) and (magic != b"BM" or b"\0" in beginning):
            told = f"内容是{zh}，不是表格；请发送 CSV、XLSX 或 NDJSON。"
            return Fault("", "no_table", told, f"It holds {en}, no table; send CSV, XLSX or NDJSON.")
    if _MARKUP.match(beginning):
        zh = "内容是网页或 XML（有些系统导出的 .xls 即如此）；请在 Excel 中打开并另存为 .xlsx。"
        en = "It holds HTML or XML, as some systems export under .xls; open it in Excel and save it as .xlsx."
        return Fault("", "no_table", zh, en)
    if _ARRAY.match(beginning):
        zh = "内容是 JSON 数组；请改为 NDJSON，每行一个 JSON 对象。"
        return Fault("", "no_table", zh, "It holds a JSON array; send NDJSON, with an object on each line.")
    return nul_fault(beginning)


def nul_fault(data: bytes) -> Fault | None:
    """Return the fault of bytes that no text holds, None where there is none."""
    if b"\0" not in data:
        return None
    zh = "文件含有 NUL 字节，不是文本；请重新导出为 CSV UTF-8、XLSX 或 NDJSON。"
    en = "The file holds NUL bytes and is no text; export it again as CSV UTF-8, XLSX or NDJSON."
    return Fault("", "nul_bytes", zh, en)


@dataclass(slots=True)
class _Trial:
    """A strict decoder that reads as long as the bytes are in its encoding."""

    encoding: str
    decoder: codecs.IncrementalDecoder
    seen: int = 0
    lines: int = 0
    failed_at: int | None = None

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Read on; where the bytes stop being in the encoding, note the line."""
        if self.failed_at is not None:
            return
        try:
            self.decoder.decode(data, final=is_last)
        except UnicodeDecodeError as error:
            self.failed_at = self.lines + data[: error.start].count(b"\n") + 1
        self.lines += data.count(b"\n")


@dataclass(slots=True)
class EncodingTrial:
    """Finds the encoding of a text of any length: UTF-8 if all of it is, else GB18030 if all of it is.

    Never a guess by likelihood. With `asked` that encoding is the only one tried.
    """

    asked: str | None = None
    _trials: list[_Trial] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with every encoding that comes into question."""
        names = ENCODINGS if self.asked is None else (self.asked,)
        self._trials = [_Trial(name, codecs.getincrementaldecoder(name)()) for name in names]

    def feed(self, data: bytes) -> None:
        """Read the next bytes; those of GB18030 only where UTF-8 has failed or may still."""
        for trial in self._trials:
            trial.feed(data)

    def found(self) -> str | Fault:
        """Return the encoding of what was fed, or the fault of a text in none."""
        for trial in self._trials:
            trial.feed(b"", is_last=True)
            if trial.failed_at is None:
                return trial.encoding
        line = max(trial.failed_at or 0 for trial in self._trials)
        names = " / ".join(trial.encoding.upper() for trial in self._trials)
        zh = f"第 {line} 行起不是 {names} 编码的文本；请另存为“CSV UTF-8”，或用 encoding 指明编码。"
        en = f"From line {line} on it is no text in {names}; save it as “CSV UTF-8”, or name its encoding."
        return Fault("", "wrong_encoding", zh, en)


def encoding_of(pieces: Iterable[bytes], asked: str | None) -> str | Fault:
    """Return the encoding of a text that comes in pieces, or what is wrong with it. A byte order mark says UTF-8."""
    trial: EncodingTrial | None = None
    for piece in pieces:
        if trial is None:
            trial = EncodingTrial(UTF_8 if piece.startswith(BYTE_ORDER_MARK) else asked)
        fault = nul_fault(piece)
        if fault is not None:
            return fault
        trial.feed(piece)
    return Fault("", "empty_file", "文件是空的。", "The file is empty.") if trial is None else trial.found()
