"""The numbers by which people and organisations are known: their forms, check digits and how little shows."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_2

from creditbank.core.errors import Fault, Malformed
from creditbank.formats.legacy_id import widened

AGE_YEARS_MAX = 150
"""Nobody has lived as long: an earlier birth date is a slip of the pen."""

_SHORT_PREFIX = "cn."
_RESIDENT_LENGTH = 18
_LEGACY_LENGTH = 15
_MASKED_WHOLLY_BELOW = 8
"""Of a shorter number three visible characters would give away too much."""

_VISIBLE = re.compile(r"[!-~]+")
_RESIDENT = re.compile(r"[1-8][0-9]{16}[0-9X]")
_LEGACY = re.compile(r"[1-8][0-9]{14}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_MAINLAND = re.compile(r"\+86(?:1[3-9][0-9]{9}|[2-9][0-9]{8,10})")
_FOREIGN_NEW = re.compile(r"9[0-9]{16}[0-9X]")
_FOREIGN_OLD = re.compile(r"[A-Z]{3}[0-9]{12}")
_SOCIAL_CREDIT = re.compile(r"[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}")


@dataclass(frozen=True, slots=True)
class IdentifierType:
    """A sort of identifier.

    `strong`: verified, it says by itself who the person is. `issuer_scoped`: it means something only together with the
    institution that gave it out. `of_country`: it may say which country issued it.
    """

    code: str
    title_zh: str
    title_en: str
    strong: bool = True
    issuer_scoped: bool = False
    of_country: bool = False

    @property
    def finds(self) -> bool:
        """Tell whether the number leads to its holder: a strong one everywhere, an institution's own within it."""
        return self.strong or self.issuer_scoped


IDENTIFIER_TYPES: Mapping[str, IdentifierType] = MappingProxyType(
    {
        kind.code: kind
        for kind in (
            IdentifierType("cn.resident_id", "居民身份证", "Resident identity card (GB 11643)"),
            IdentifierType(
                "cn.resident_id_15", "十五位居民身份证号码", "Resident identity number of 15 digits", strong=False
            ),
            IdentifierType("cn.netid", "网号", "Network identity number (网号)"),
            IdentifierType(
                "cn.hk_macao_permit", "港澳居民来往内地通行证", "Mainland travel permit, Hong Kong and Macao"
            ),
            IdentifierType("cn.taiwan_permit", "台湾居民来往大陆通行证", "Mainland travel permit, Taiwan"),
            IdentifierType("cn.foreign_permanent_resident", "外国人永久居留身份证", "Foreign permanent resident card"),
            IdentifierType("passport", "护照", "Passport", of_country=True),
            IdentifierType("student_no", "学号", "Student number", strong=False, issuer_scoped=True),
            IdentifierType("phone", "电话号码", "Phone number", strong=False),
        )
    }
)
"""Every type that is taken, by its code. 港澳台居民居住证 (81, 82, 83…) are GB 11643 numbers: cn.resident_id.

Numbers of 15 digits were given out to more than one person here and there, and a phone number goes to its next holder:
neither leads to anybody.
"""


def identifier_type(name: str) -> IdentifierType | None:
    """Return the type of this name, with or without its "cn.", or None where there is none."""
    return IDENTIFIER_TYPES.get(name) or IDENTIFIER_TYPES.get(_SHORT_PREFIX + name)


def normalised(type_name: str, value: str, *, on: date) -> str:
    """Return the one spelling of an identifier that is stored and compared: letters in capitals, nothing stripped.

    `on` is today (Asia/Shanghai): nobody is born after it. Refused: Malformed at "/type" (unknown_type), or at "/value"
    (wrong_form, wrong_length, wrong_birth_date, future_birth_date, wrong_check_digit).
    """
    kind = identifier_type(type_name)
    if kind is None:
        raise Malformed((_unknown_type(),))
    return _FORMS[kind.code](value, on)


def masked(type_name: str, value: str) -> str:
    """Return a normalised identifier as it may be shown: its first and last two characters, a short one wholly hidden.

    The birth date, and the region beyond its first digit, never show.
    """
    assert identifier_type(type_name) is not None, "only known identifiers are stored"
    if len(value) < _MASKED_WHOLLY_BELOW:
        return "*" * len(value)
    return f"{value[0]}{'*' * (len(value) - 3)}{value[-2:]}"


def birth_date_of(type_name: str, value: str) -> date | None:
    """Return the birth date that a normalised number states, or None where numbers of its type state none."""
    kind = identifier_type(type_name)
    if kind is None or kind.code not in {"cn.resident_id", "cn.resident_id_15", "cn.foreign_permanent_resident"}:
        return None
    if kind.code == "cn.resident_id_15":
        value = widened(value)
    return _written_birth_date(value) if len(value) == _RESIDENT_LENGTH else None


def social_credit_code(value: str) -> str:
    """Return a 统一社会信用代码 in capitals (GB 32100).

    The two leading characters may be letters, as in the N2… of village collectives. Refused: Malformed at ""
    (wrong_form, wrong_length, wrong_check_digit).
    """
    code = _visible(value, "", 18, 18).upper()
    if not _SOCIAL_CREDIT.fullmatch(code):
        raise Malformed(
            (_wrong_form("", "18 位数字和大写字母（不含 I、O、S、V、Z）", "18 digits and letters without I O S V Z"),)
        )
    if uscc.calc_check_digit(code[:-1]) != code[-1]:
        raise Malformed((_wrong_check_digit(""),))
    return code


def _resident_id(value: str, on: date) -> str:
    return _gb11643(value, on, _RESIDENT, ("18 位数字，末位可为 X", "18 digits, the last of which may be X"))


def _resident_id_15(value: str, on: date) -> str:
    """Take the form of before 1999: region, birth date with two digits of the year, and a number of three digits."""
    number = _visible(value, "/value", _LEGACY_LENGTH, _LEGACY_LENGTH)
    if not _LEGACY.fullmatch(number):
        raise Malformed((_wrong_form("/value", "15 位数字", "15 digits"),))
    faults = _birth_date_faults(_written_birth_date(widened(number)), on, "7–12", "7 to 12")
    if faults:
        raise Malformed(faults)
    return number


def _foreign_permanent_resident(value: str, on: date) -> str:
    """Take the form of 2023, a GB 11643 number that starts with 9, and the older one of 3 letters and 12 digits."""
    older = _visible(value, "/value", 15, 18).upper()
    if _FOREIGN_OLD.fullmatch(older):
        return older
    return _gb11643(
        value,
        on,
        _FOREIGN_NEW,
        ("9 开头的 18 位，或 3 个字母加 12 位数字", "9 and 17 more, or 3 letters and 12 digits"),
    )


def _gb11643(value: str, on: date, form: re.Pattern[str], said: tuple[str, str]) -> str:
    """Check form, birth date and check digit; the region says where the number was first given out and isn't judged.

    County codes such as 5102 have long been given up, and their holders' numbers stay valid.
    """
    number = _visible(value, "/value", _RESIDENT_LENGTH, _RESIDENT_LENGTH).upper()
    if not form.fullmatch(number):
        raise Malformed((_wrong_form("/value", *said),))
    faults = _birth_date_faults(_written_birth_date(number), on)
    if mod_11_2.checksum(number) != 1:
        faults = (*faults, _wrong_check_digit("/value"))
    if faults:
        raise Malformed(faults)
    return number


def _written_birth_date(number: str) -> date | None:
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def _birth_date_faults(born: date | None, on: date, zh: str = "7–14", en: str = "7 to 14") -> tuple[Fault, ...]:
    """Return what is wrong with a birth date; `zh` and `en` name its digits."""
    if born is not None and born > on:
        said = f"Its birth date is yet to come; check digits {en}."
        return (_fault("future_birth_date", f"出生日期晚于今天，请核对第 {zh} 位。", said),)
    if born is None or on.year - born.year > AGE_YEARS_MAX:
        said = f"Digits {en} are no possible birth date; check them."
        return (_fault("wrong_birth_date", f"第 {zh} 位不是可能的出生日期，请核对。", said),)
    return ()


def _patterned(pattern: str, shortest: int, longest: int, zh: str, en: str) -> Callable[[str, date], str]:
    """Return the check of a type whose numbers have a form and no check digit."""
    form = re.compile(pattern)

    def checked(value: str, _on: date) -> str:
        number = _visible(value, "/value", shortest, longest).upper()
        if not form.fullmatch(number):
            raise Malformed((_wrong_form("/value", zh, en),))
        return number

    return checked


def _phone(value: str, _on: date) -> str:
    """Take E.164 (ITU-T, up to 15 digits after the +) and the 11 digits of a mainland mobile, as one spelling."""
    number = _visible(value, "/value", 8, 16)
    if _MOBILE.fullmatch(number):
        return "+86" + number
    is_mainland = number.startswith("+86")
    if not _E164.fullmatch(number) or (is_mainland and not _MAINLAND.fullmatch(number)):
        zh, en = "11 位手机号，或以 + 和国家（地区）码开头", "11 digits of a mainland mobile, or + and the country code"
        raise Malformed((_wrong_form("/value", zh, en),))
    return number


def _netid(value: str, _on: date) -> str:
    return _visible(value, "/value", 8, 64)


def _student_no(value: str, _on: date) -> str:
    """Take what a school may have thought of, Chinese included, and only refuse what can't be seen."""
    _check_length(value, "/value", 1, 40)
    if not value.isprintable() or value != value.strip():
        raise Malformed(
            (_wrong_form("/value", "可见字符，首尾没有空格", "visible characters, no space at either end"),)
        )
    return value


def _visible(value: str, pointer: str, shortest: int, longest: int) -> str:
    """Return the value if it consists of visible ASCII: no spaces, no full-width digits, no look-alikes."""
    if not _VISIBLE.fullmatch(value):
        raise Malformed(
            (_wrong_form(pointer, "半角字母和数字，不含空格", "plain (half-width) letters and digits without spaces"),)
        )
    _check_length(value, pointer, shortest, longest)
    return value


def _check_length(value: str, pointer: str, shortest: int, longest: int) -> None:
    if shortest <= len(value) <= longest:
        return
    zh, en = (
        (f"{shortest}", f"{shortest}") if shortest == longest else (f"{shortest}–{longest}", f"{shortest} to {longest}")
    )
    raise Malformed(
        (
            Fault(
                pointer,
                "wrong_length",
                f"应为 {zh} 个字符，请核对。",
                f"It has {len(value)} characters instead of {en}; check it.",
            ),
        )
    )


def _wrong_form(pointer: str, zh: str, en: str) -> Fault:
    return Fault(pointer, "wrong_form", f"格式不对，应为{zh}。", f"It is not written as it should be: {en}.")


def _wrong_check_digit(pointer: str) -> Fault:
    return Fault(
        pointer, "wrong_check_digit", "校验位不符，请逐位核对。", "The check digit doesn't fit; compare each character."
    )


def _unknown_type() -> Fault:
    known = ", ".join(IDENTIFIER_TYPES)
    return Fault(
        "/type", "unknown_type", f"没有这种身份标识，可用：{known}。", f"No such identifier type; there are {known}."
    )


def _fault(code: str, zh: str, en: str) -> Fault:
    return Fault("/value", code, zh, en)


_FORMS: Mapping[str, Callable[[str, date], str]] = {
    "cn.resident_id": _resident_id,
    "cn.resident_id_15": _resident_id_15,
    "cn.netid": _netid,
    "cn.hk_macao_permit": _patterned(
        "[HM](?:[0-9]{8}|[0-9]{10})", 9, 11, "H 或 M 加 8 位或 10 位数字", "H or M and 8 or 10 digits"
    ),
    "cn.taiwan_permit": _patterned("[0-9]{8}|[0-9]{10}", 8, 10, "8 位或 10 位数字", "8 or 10 digits"),
    "cn.foreign_permanent_resident": _foreign_permanent_resident,
    "passport": _patterned("[A-Z0-9]{5,20}", 5, 20, "5–20 位字母或数字", "5 to 20 letters or digits"),
    "student_no": _student_no,
    "phone": _phone,
}
assert _FORMS.keys() == IDENTIFIER_TYPES.keys(), "every type has its form"
