"""Strict fields: each takes exactly what it documents, and says in both languages what else came and how to mend it."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from marshmallow import INCLUDE, Schema, ValidationError, fields, post_load

from creditbank.core.credit import HUNDREDTHS_MAX, parsed_hundredths
from creditbank.core.errors import Fault, pointer_segment

DAY_MIN = date(1900, 1, 1)
"""No living person learnt anything before; an earlier day is a typing error."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_WHOLE = re.compile(r"0|[1-9][0-9]{0,14}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)

REQUIRED = Fault("", "required", "缺少此字段。", "This field is missing.")
NULL = Fault("", "null", "此字段不能为 null；如无内容请省略。", "This field can't be null; leave it out instead.")
UNKNOWN = Fault("", "unknown_field", "没有这个字段；请核对拼写。", "There is no such field; check the spelling.")
NOT_OBJECT = Fault("", "wrong_type", "此处应为 JSON 对象。", "A JSON object belongs here.")
NOT_LIST = Fault("", "wrong_type", "此处应为 JSON 数组。", "A JSON array belongs here.")

NOT_POSITIVE = Fault("", "wrong_amount", "应大于 0，且不超过上限。", "It has to be above 0 and within bounds.")


class StrictSchema(Schema):
    """A schema that refuses what it does not know, with our own faults."""

    error_messages = {"unknown": UNKNOWN, "type": NOT_OBJECT}  # type: ignore[dict-item] # noqa: RUF012 - any value may be a message

    def built(self, data: dict[str, Any]) -> Any:  # noqa: ANN401 - a value of the core, as the schema says
        """Return what the members make together; a schema overrides it to build a value of the core."""
        return data

    @post_load
    def _build(self, data: dict[str, Any], **_kwargs: object) -> Any:  # noqa: ANN401
        return self.built(data)


class _StrictField(fields.Field[Any]):
    """A field whose own messages are faults."""

    default_error_messages = {"required": [REQUIRED], "null": [NULL]}  # noqa: RUF012 - marshmallow's own way


class Text(_StrictField):
    """A string of 1 to `length_max` characters, kept as it is: not blank, without control characters."""

    def __init__(self, length_max: int, *, pattern: str | None = None, hint: str = "", **kwargs: Any) -> None:  # noqa: ANN401
        """`pattern` is what the whole string has to match; `hint` says it in words."""
        documented: dict[str, Any] = {"minLength": 1, "maxLength": length_max}
        if pattern is not None:
            documented["pattern"] = f"^{pattern}$"
        super().__init__(**_documented(kwargs, documented))
        self.length_max = length_max
        self.pattern = re.compile(pattern, re.ASCII) if pattern else None
        self.hint = hint

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ANN401, ARG002
        if not isinstance(value, str):
            raise _fault("wrong_type", "此处应为字符串。", "A string belongs here.")
        if len(value) > self.length_max:
            longest = self.length_max
            raise _fault("too_long", f"最多 {longest} 个字符。", f"It may have at most {longest} characters.")
        if _CONTROL.search(value):
            raise _fault("control_character", "不能含有控制字符。", "It may not hold control characters.")
        if not value or value.isspace():
            raise _fault("blank", "不能为空。", "It may not be blank.")
        if self.pattern is not None and not self.pattern.fullmatch(value):
            raise _fault(
                "wrong_form", f"格式不正确：{self.hint}", f"It is not of the form that belongs here: {self.hint}"
            )
        return value


class Amount(_StrictField):
    """Hours or credits: a decimal string or number, not negative, with at most two places; hundredths inside."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        """Take marshmallow's own options."""
        documented = {"pattern": r"^(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?$", "minimum": 0, "maximum": 99999999.99}
        super().__init__(**_documented(kwargs, documented))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ANN401, ARG002
        hundredths = _hundredths(value)
        if hundredths is None:
            zh = '应为非负十进制数，最多两位小数，例如 "2.50"。'
            raise _fault(
                "wrong_amount", zh, 'A decimal number belongs here, not negative, with at most two places: "2.50".'
            )
        return hundredths


def _hundredths(value: object) -> int | None:
    """Return the hundredths of a JSON string or number, or None where it is no amount."""
    if isinstance(value, str):
        return parsed_hundredths(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 100 if 0 <= value * 100 <= HUNDREDTHS_MAX else None
    if isinstance(value, Decimal):
        return parsed_hundredths(f"{value:f}")
    return None


class Day(_StrictField):
    """A calendar date, YYYY-MM-DD, since 1900."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:  # noqa: ANN401, ARG002
        if isinstance(value, str) and _DAY.fullmatch(value):
            try:
                day = date.fromisoformat(value)
            except ValueError:
                day = date.min
            if day >= DAY_MIN:
                return day
        zh = "应为 1900 年以来的日期，格式 YYYY-MM-DD，例如 2026-07-01。"
        raise _fault("wrong_date", zh, "A date since 1900 belongs here, as YYYY-MM-DD: 2026-07-01.")


class Instant(_StrictField):
    """An instant with its zone, RFC 3339."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:  # noqa: ANN401, ARG002
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            try:
                return datetime.fromisoformat(value.upper()).astimezone(UTC)
            except (ValueError, OverflowError):
                pass
        zh = "应为带时区的时刻（RFC 3339），例如 2026-07-01T08:00:00Z。"
        raise _fault("wrong_instant", zh, "An instant with its zone belongs here (RFC 3339): 2026-07-01T08:00:00Z.")


class Id(_StrictField):
    """An opaque id of the bank's: a UUID in lower case."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> UUID:  # noqa: ANN401, ARG002
        if isinstance(value, str) and _UUID.fullmatch(value):
            return UUID(value)
        raise _fault("wrong_id", "应为系统给出的编号（UUID）。", "An id that the bank gave belongs here (a UUID).")


class Whole(_StrictField):
    """A whole number between two bounds, both inclusive; in a query string as plain digits."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:  # noqa: ANN401
        """`least` is 0 or more."""
        super().__init__(**_documented(kwargs, {"minimum": least, "maximum": most}))
        self.least = least
        self.most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ANN401, ARG002
        is_query = not isinstance(data, dict)
        number = int(value) if is_query and isinstance(value, str) and _WHOLE.fullmatch(value) else value
        if isinstance(number, int) and not isinstance(number, bool) and self.least <= number <= self.most:
            return number
        zh = f"应为 {self.least} 到 {self.most} 的整数。"
        raise _fault("wrong_number", zh, f"A whole number from {self.least} to {self.most} belongs here.")


class Choice(_StrictField):
    """One of the values of an enumeration."""

    def __init__(self, values: type[Enum], **kwargs: Any) -> None:  # noqa: ANN401
        """`values` is the enumeration; its member comes out."""
        super().__init__(**_documented(kwargs, {"enum": [member.value for member in values]}))
        self.values = {member.value: member for member in values}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Enum:  # noqa: ANN401, ARG002
        if isinstance(value, str) and value in self.values:
            return self.values[value]
        known = ", ".join(self.values)
        raise _fault("wrong_choice", f"应为下列之一：{known}。", f"One of these belongs here: {known}.")


class Label(Text):
    """A short string that may also come as a whole number, such as a level 3 or a scale of 100."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:  # noqa: ANN401
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, Decimal):
            zh = '带小数的值请写成字符串，例如 "2.5"。'
            raise _fault("wrong_type", zh, 'Write a value with decimals as a string, as in "2.5".')
        return super()._deserialize(value, attr, data, **kwargs)


class Flag(_StrictField):
    """True or false."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:  # noqa: ANN401, ARG002
        if isinstance(value, bool):
            return value
        raise _fault("wrong_type", "此处应为 true 或 false。", "True or false belongs here.")


class AnyJson(_StrictField):
    """Any JSON value, for documents that have a language of their own."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ANN401, ARG002
        return value


class AnyDocument(Schema):
    """A JSON document of any shape, checked by the language that it is written in."""

    class Meta:
        """Takes every member as it is."""

        unknown = INCLUDE

    def load(self, data: Any, **_kwargs: Any) -> Any:  # noqa: ANN401
        """Return the document untouched."""
        return data


class Items(fields.List[Any]):
    """A list of `count_min` to `count_max` items."""

    default_error_messages = {"required": [REQUIRED], "null": [NULL], "invalid": [NOT_LIST]}  # noqa: RUF012

    def __init__(self, item: fields.Field[Any], count_max: int, *, count_min: int = 1, **kwargs: Any) -> None:  # noqa: ANN401
        """`item` is the field of each member."""
        super().__init__(item, **_documented(kwargs, {"minItems": count_min, "maxItems": count_max}))
        self.count_min = count_min
        self.count_max = count_max

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:  # noqa: ANN401
        if isinstance(value, list) and not self.count_min <= len(value) <= self.count_max:
            zh = f"应有 {self.count_min} 到 {self.count_max} 项。"
            raise _fault("wrong_count", zh, f"It has from {self.count_min} to {self.count_max} items.")
        return super()._deserialize(value, attr, data, **kwargs)


class Part(fields.Nested):
    """An object inside an object."""

    default_error_messages = {"required": [REQUIRED], "null": [NULL], "type": [NOT_OBJECT]}  # noqa: RUF012


def faults_of(messages: object, pointer: str = "") -> tuple[Fault, ...]:
    """Return marshmallow's nested messages as a flat list of faults with JSON pointers."""
    if isinstance(messages, Fault):
        return (messages.under(pointer),)
    if isinstance(messages, Mapping):
        return _joined(
            faults_of(inner, pointer if name == "_schema" else f"{pointer}/{_segment(name)}")
            for name, inner in messages.items()
        )
    if isinstance(messages, list):
        return _joined(faults_of(inner, pointer) for inner in messages)
    return (Fault(pointer, "invalid", "此处内容不正确。", str(messages)),)


def _joined(parts: Iterable[tuple[Fault, ...]]) -> tuple[Fault, ...]:
    """Return all faults in one list."""
    return tuple(fault for part in parts for fault in part)


def _segment(name: str | int) -> str:
    """Return a member's name, or its number in a list, as a segment of a JSON pointer (RFC 6901)."""
    return str(name) if isinstance(name, int) else pointer_segment(name)


def _documented(kwargs: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Return a field's options with what the API document says of it."""
    return {**kwargs, "metadata": {**extra, **kwargs.get("metadata", {})}}


def _fault(code: str, zh: str, en: str) -> ValidationError:
    """Return the field's refusal."""
    return ValidationError([Fault("", code, zh, en)])
