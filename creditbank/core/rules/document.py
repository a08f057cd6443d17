"""Read a JSON document place by place, collecting everything that is wrong with it instead of stopping at the first.

A read that fails notes its fault and returns None, so that the reader goes on; who asked for the whole looks at the
faults in the end. Nothing here recurses, and every read is limited, so that no document costs much.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Final

from creditbank.core.credit import decimal_text, parsed_hundredths
from creditbank.core.errors import Fault, is_plain_word, told_pointer

FAULTS_MAX = 50
"""As many faults as a person mends in one go; reading stops there."""

VALUES_MAX = 200_000
"""5,000 rules of 40 values each; counting them takes some 10 ms, so that a bomb is refused at once."""

NESTING_MAX = 56
"""Conditions 16 deep take three levels of JSON each at most; the rest is the document around them."""

NAME_MAX = 64
"""Characters of a code, a name of a field or another short word."""

TEXT_MAX = 1000
"""Characters of a title or a source; the longest course titles on record have some 200."""

DIGITS_MAX = 18
"""Digits of a whole number that are looked at: more than any field takes, few enough to cost nothing."""

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_AMOUNT = re.compile(r"-?[0-9]{1,5}(\.[0-9]{1,4})?", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class _Missing:
    """Stands where a document has no value; a fault was noted already if it needs one."""


MISSING: Final = _Missing()


class Enough(Exception):  # noqa: N818 - it ends the reading, which is no error
    """So many faults are collected that going on is of no use."""


@dataclass(slots=True)
class Reading:
    """What was noted while one document is read: its faults."""

    faults: list[Fault] = field(default_factory=list)

    def note(self, fault: Fault) -> None:
        """Keep a fault. Raises Enough with the last one that is kept."""
        self.faults.append(fault)
        if len(self.faults) >= FAULTS_MAX:
            raise Enough

    def check_size(self, document: object) -> None:
        """Note where the document is too large or too deep to be read at all, and end the reading then."""
        level, count = [document], 1
        for _ in range(NESTING_MAX):
            inner: list[object] = []
            for value in level:
                if isinstance(value, (dict, list)):
                    count += len(value)
                    if count > VALUES_MAX:
                        self._end("too_large", f"文档的值超过 {VALUES_MAX} 个；请拆分为几个规则集。", _LARGE_EN)
                    inner.extend(value.values() if isinstance(value, dict) else value)
            if not inner:
                return
            level = inner
        self._end("too_deep", f"文档嵌套超过 {NESTING_MAX} 层；请简化条件。", _DEEP_EN)

    def _end(self, code: str, zh: str, en: str) -> None:
        self.faults.append(Fault("", code, zh, en))
        raise Enough


_LARGE_EN = f"The document has more than {VALUES_MAX} values; split it into several rule sets."
_DEEP_EN = f"The document is nested more than {NESTING_MAX} deep; simplify its conditions."


@dataclass(frozen=True, slots=True)
class Place:
    """One value of a document, with its JSON pointer and the reading that it belongs to."""

    reading: Reading
    pointer: str
    value: object

    @property
    def is_missing(self) -> bool:
        """Tell that nothing stands here."""
        return self.value is MISSING

    def fault(self, code: str, zh: str, en: str) -> None:
        """Note what is wrong here and how to mend it."""
        self.reading.note(Fault(told_pointer(self.pointer), code, zh, en))

    def inner(self, name: str | int, value: object) -> "Place":
        """Return the place of a value inside this one."""
        token = name if isinstance(name, int) else str(name).replace("~", "~0").replace("/", "~1")
        return Place(self.reading, f"{self.pointer}/{token}", value)

    def fields(self, required: Sequence[str], optional: Sequence[str] = ()) -> "dict[str, Place]":
        """Return the place of every named field; null counts as missing where a field is optional.

        Noted: another type than object, unknown fields with the nearest known one, missing fields.
        """
        known = (*required, *optional)
        value = self.value
        if not isinstance(value, dict):
            self._wrong_type("对象 {…}", "an object {…}")
            return {name: self.inner(name, MISSING) for name in known}
        for name in value:
            if name not in known:
                self.unknown_field(name, known)
        for name in required:
            if name not in value:
                zh, en = f"缺少字段 {name}；请补上。", f"The field {name} is missing; add it."
                self.inner(name, MISSING).fault("missing", zh, en)
        found = {name: value.get(name, MISSING) for name in known}
        empty = {name for name in optional if found[name] is None}
        return {name: self.inner(name, MISSING if name in empty else found[name]) for name in known}

    def entries(self, entries_max: int) -> "list[tuple[str, Place]]":
        """Return the names and places of an object whose names are data, in their order; at least one."""
        value = self.value
        if not isinstance(value, dict):
            self._wrong_type("对象 {…}", "an object {…}")
            return []
        if not self._counted(len(value), entries_max):
            return []
        return [(name, self.inner(name, content)) for name, content in value.items()]

    def items(self, items_max: int) -> "list[Place]":
        """Return the places of a list; at least one item."""
        value = self.value
        if not isinstance(value, list):
            self._wrong_type("列表 […]", "a list […]")
            return []
        if not self._counted(len(value), items_max):
            return []
        return [self.inner(number, item) for number, item in enumerate(value)]

    def text(self, characters_max: int = TEXT_MAX, *, may_be_empty: bool = False) -> str | None:
        """Return a text that can be stored and, unless allowed, is not blank."""
        value = self.value
        if not isinstance(value, str):
            self._wrong_type("带引号的文本", "a text in quotes")
        elif len(value) > characters_max:
            zh, en = (
                f"文本超过 {characters_max} 个字符；请缩短。",
                f"It has over {characters_max} characters; shorten it.",
            )
            self.fault("too_long", zh, en)
        elif _UNSTORABLE.search(value):
            zh = "文本含有空字符或不完整的字符（代理项）；请删除。"
            self.fault("bad_character", zh, "It holds a NUL or half a character (a lone surrogate); take it out.")
        elif not (may_be_empty or value.strip()):
            self.fault("empty", "文本为空；请填写或删除此字段。", "It is blank; fill it in or leave the field out.")
        else:
            return value
        return None

    def code(self) -> str | None:
        """Return a code: lower-case letters, digits and hyphens, at most 64."""
        text = self.text(NAME_MAX)
        if text is None or _CODE.fullmatch(text):
            return text
        zh = f"{shown(text)} 不是代码；只能用小写字母、数字和连字符，且不以连字符开头。"
        en = f"{shown(text)} is no code; use lower-case letters, digits and hyphens, a hyphen not first."
        self.fault("bad_code", zh, en)
        return None

    def choice(self, options: Iterable[str]) -> str | None:
        """Return one of the named options."""
        text = self.text(NAME_MAX)
        named = tuple(options)
        if text is None or text in named:
            return text
        zh, en = (
            f"不能是 {shown(text)}；可用：{'、'.join(named)}。",
            f"It can't be {shown(text)}; use one of {', '.join(named)}.",
        )
        self.fault("not_an_option", zh, en)
        return None

    def hundredths(self, least: int, most: int) -> int | None:
        """Return the hundredths of a decimal string, from `least` to `most` hundredths, both inclusive."""
        value = self.value
        if not isinstance(value, str):
            self._wrong_type('带引号的小数，如 "2.50"', 'a decimal in quotes, like "2.50"')
            return None
        amount = parsed_hundredths(value)
        if amount is None:
            zh = f'{shown(value)} 不是最多两位小数的数；请写成如 "2.50"。'
            self.fault("bad_decimal", zh, f'{shown(value)} is no decimal with up to two places; write it like "2.50".')
        elif not least <= amount <= most:
            self._out_of_range(decimal_text(least), decimal_text(most))
        else:
            return amount
        return None

    def integer(self, least: int, most: int) -> int | None:
        """Return a whole number from `least` to `most`, both inclusive; true and false are none."""
        value = self.value
        if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < DIGITS_MAX and value == int(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong_type("不带引号的整数", "a whole number without quotes")
        elif not least <= value <= most:
            self._out_of_range(str(least), str(most))
        else:
            return value
        return None

    def truth(self) -> bool | None:
        """Return true or false."""
        if isinstance(self.value, bool):
            return self.value
        self._wrong_type("不带引号的 true 或 false", "true or false without quotes")
        return None

    def day(self) -> date | None:
        """Return a calendar day written as 2020-12-31."""
        value = self.value
        if not isinstance(value, str):
            self._wrong_type('带引号的日期，如 "2020-12-31"', 'a date in quotes, like "2020-12-31"')
            return None
        if _DAY.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass  # no such day in the calendar: the same fault as another shape
        zh = f"{shown(value)} 不是日历上的日期；请写成如 2020-12-31。"
        self.fault("bad_date", zh, f"{shown(value)} is no day of the calendar; write it like 2020-12-31.")
        return None

    def _counted(self, count: int, count_max: int) -> bool:
        if count == 0:
            self.fault(
                "empty", "为空；请至少写一项或删除此字段。", "It is empty; give at least one item or leave it out."
            )
        elif count > count_max:
            zh, en = f"超过 {count_max} 项；请减少或拆分。", f"It has more than {count_max} items; shorten or split it."
            self.fault("too_many", zh, en)
        return 0 < count <= count_max

    def unknown_field(self, name: str, known: Sequence[str]) -> None:
        """Note that a field of this object does not exist, with the nearest one that does."""
        near = get_close_matches(str(name)[:NAME_MAX], known, n=1)
        if near:
            zh, en = f"没有此字段；是否想写 {near[0]}？", f"There is no such field; is {near[0]} meant?"
        else:
            zh, en = f"没有此字段；可用：{'、'.join(known)}。", f"There is no such field; there are {', '.join(known)}."
        self.inner(name, None).fault("unknown_field", zh, en)

    def _out_of_range(self, least: str, most: str) -> None:
        zh, en = f"须在 {least} 与 {most} 之间；请修改。", f"It must lie between {least} and {most}; change it."
        self.fault("out_of_range", zh, en)

    def _wrong_type(self, zh: str, en: str) -> None:
        if not self.is_missing:
            found_zh, found_en = _type_names(self.value)
            self.fault(
                "wrong_type", f"这里是{found_zh}，应为{zh}；请改写。", f"This is {found_en}; write {en} instead."
            )


def shown(text: object) -> str:
    """Return a word or a small number from outside as a message repeats it, an ellipsis for anything else.

    The pointer says where it stands; what it is may be the name or the number of a person.
    """
    said = str(text)
    return said if is_plain_word(said) or _AMOUNT.fullmatch(said) else "…"


def _type_names(value: object) -> tuple[str, str]:
    if value is None:
        return "空值 null", "null"
    if isinstance(value, bool):
        return "真假值", "true or false"
    if isinstance(value, str):
        return "文本", "a text"
    if isinstance(value, dict):
        return "对象", "an object"
    return ("列表", "a list") if isinstance(value, list) else ("不带引号的数", "a number without quotes")
