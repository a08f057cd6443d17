"""Files as they are sent: as the body, or as the file of a form; read in parts, never as a whole."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from flask import request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from creditbank.api.resource import wrong_media_type
from creditbank.core.errors import Fault, Malformed
from creditbank.core.importing import SheetFormat
from creditbank.formats.strict_json import TooLarge

CSV_TYPES = ("text/csv", "application/csv", "text/plain")
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
ANY_TYPES = ("application/octet-stream", "application/vnd.ms-excel", "application/zip")
"""What programs call files of any kind: Windows says that CSV is Excel's."""

FORM_TYPE = "multipart/form-data"

READ_BYTES = 64 * 1024

PARTS_MAX = 16
WORD_BYTES_MAX = 1024
"""A form has one file and a few words on how it is to be taken."""

UNREAD_BYTES_MAX = 4 * READ_BYTES
"""What is kept of a form while its next part is looked for."""

FORM_BYTES_MAX = 64 * 1024
"""What a form adds to its file."""

_ENDINGS = {".ndjson": SheetFormat.NDJSON, ".jsonl": SheetFormat.NDJSON, ".csv": SheetFormat.CSV}


@dataclass(slots=True)
class Upload:
    """A file that is being sent: what its name or type says it is, the words of its form, and its bytes to be read."""

    format: SheetFormat | None
    content: Iterator[bytes]
    words: dict[str, str] = field(default_factory=dict)


def upload(bytes_max: int) -> Upload:
    """Return the file of the request; what stands before it in a form is read.

    Refused: Unreadable for other types, TooLarge where the request says so itself, Malformed for a form without a file
    and for a body that doesn't say how long it is.
    """
    request.max_content_length = bytes_max + FORM_BYTES_MAX
    if request.content_length is not None and request.content_length > bytes_max + FORM_BYTES_MAX:
        raise TooLarge((_too_large(bytes_max),))
    kind = request.mimetype
    if kind == FORM_TYPE:
        return _form_upload(bytes_max)
    if kind not in (*CSV_TYPES, XLSX_TYPE, *NDJSON_TYPES, *ANY_TYPES):
        raise wrong_media_type(CSV_TYPES[0], XLSX_TYPE, NDJSON_TYPES[0], FORM_TYPE)
    wanted = SheetFormat.NDJSON if kind in NDJSON_TYPES else SheetFormat.CSV if kind == CSV_TYPES[0] else None
    body = _body(bytes_max)
    if request.content_length is None and next(body, b""):
        raise Malformed((_no_length(),))  # chunks that break off end like whole ones; a form says where it ends
    return Upload(wanted, body)


def _body(bytes_max: int) -> Iterator[bytes]:
    """Give the body part by part. Refused: TooLarge, Malformed where it breaks off.

    Some servers end a body that breaks off as if it were whole: it has to be as long as the request said.
    """
    read, missing = request.stream.read, request.content_length or 0
    while True:
        try:
            part = read(READ_BYTES)
        except RequestEntityTooLarge:
            raise TooLarge((_too_large(bytes_max),)) from None
        except ClientDisconnected:
            raise Malformed((_broken_off(),)) from None
        missing -= len(part)
        if not part and missing > 0:
            raise Malformed((_broken_off(),))
        if not part:
            return
        yield part


def whole_body() -> bytes:
    """Return the request's body in one piece. Refused: Malformed where it broke off, which its content may not show."""
    try:
        body = request.get_data()
    except ClientDisconnected:
        raise Malformed((_broken_off(),)) from None
    if len(body) < (request.content_length or 0):
        raise Malformed((_broken_off(),))
    return body


def _form_upload(bytes_max: int) -> Upload:
    boundary = request.mimetype_params.get("boundary", "").encode("latin-1", "replace")
    if not boundary:
        raise Malformed((_no_form(),))
    events = _events(MultipartDecoder(boundary, UNREAD_BYTES_MAX, max_parts=PARTS_MAX), bytes_max)
    words: dict[str, str] = {}
    name, word = "", bytearray()
    for event in events:
        if isinstance(event, Field):
            name, word = event.name or "", bytearray()
        elif isinstance(event, File):
            ending = (event.filename or "").casefold()
            wanted = next((kind for end, kind in _ENDINGS.items() if ending.endswith(end)), None)
            return Upload(wanted, _file(events), words)
        elif isinstance(event, Data):
            word += event.data
            if len(word) > WORD_BYTES_MAX:
                raise Malformed((_no_form(),))
            if not event.more_data:
                words[name] = word.decode(errors="replace")
    raise Malformed((_no_file(),))


def _file(events: Iterator[Event]) -> Iterator[bytes]:
    """Give the bytes of a form's file; nothing that matters may follow it."""
    for event in events:
        if isinstance(event, Data):
            if event.data:
                yield bytes(event.data)
            if not event.more_data:
                break
    for event in events:
        if isinstance(event, Field | File):
            zh = "文件应是表单的最后一项；请把其他字段放在文件之前，或写在网址中。"
            en = "The file has to come last in the form; put fields before it, or into the address."
            raise Malformed((Fault("", "file_not_last", zh, en),))


def _events(decoder: MultipartDecoder, bytes_max: int) -> Iterator[Event]:
    """Give what a form is made of. Refused: TooLarge, Malformed for what is no form."""
    body = _body(bytes_max)
    while True:
        try:
            event = decoder.next_event()
        except (ValueError, RequestEntityTooLarge):
            raise Malformed((_no_form(),)) from None
        if isinstance(event, NeedData):
            part = next(body, None)
            try:
                decoder.receive_data(part)
            except (ValueError, RequestEntityTooLarge):
                raise Malformed((_no_form(),)) from None
            continue
        yield event
        if isinstance(event, Epilogue):
            return


def _too_large(bytes_max: int) -> Fault:
    most = bytes_max // 1024 // 1024
    zh = f"文件大于 {most} MiB；请拆分后分别提交。"
    return Fault("", "file_too_large", zh, f"The file is larger than {most} MiB; send it in parts.")


def _broken_off() -> Fault:
    return Fault("", "broken_off", "内容没有发送完整；请重新发送。", "It wasn't sent whole; send it again.")


def _no_length() -> Fault:
    zh = "请求没有注明长度（Content-Length），中途断开无从知晓；请注明长度，或以表单（multipart/form-data）发送文件。"
    en = "The request doesn't say its length, so that nobody would know if it broke off; say it, or send a form."
    return Fault("", "no_length", zh, en)


def _no_form() -> Fault:
    zh = "无法读取表单；请以 multipart/form-data 发送，例如 curl -F file=@表格.csv。"
    return Fault("", "no_form", zh, "The form can't be read; send it as multipart/form-data: curl -F file=@table.csv")


def _no_file() -> Fault:
    zh = "表单中没有文件；请附上文件，例如 curl -F file=@表格.csv。"
    return Fault("", "no_file", zh, "The form has no file; attach one: curl -F file=@table.csv")
