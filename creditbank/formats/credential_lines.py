"""What a credential says as people read it: lines with labels in both languages, and lists.

From the members of its subject, as far as they are there: a link may show some of them only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from creditbank.formats.credential_document import name_in


@dataclass(frozen=True, slots=True)
class Line:
    """A label in both languages and what stands beside it; `value_en` where that is said in both languages, too."""

    zh: str
    en: str
    value: str
    value_en: str | None = None

    @property
    def values(self) -> tuple[str, str]:
        """What stands beside the label in Chinese, and in English."""
        return self.value, self.value if self.value_en is None else self.value_en


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a column; `width` is its share, `is_number` says how it is set."""

    zh: str
    en: str
    width: float = 1
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """A list with its headings."""

    zh: str
    en: str
    headings: tuple[Heading, ...]
    rows: Sequence[tuple[str, ...]]


_BALANCE = (
    (Heading("学分体系", "Scheme", 2.2), "schemeCode"),
    (Heading("认定", "Recognised", 1.2, is_number=True), "recognisedCredits"),
    (Heading("占用", "Held", 1.2, is_number=True), "heldCredits"),
    (Heading("已转换", "Converted", 1.2, is_number=True), "convertedCredits"),
    (Heading("已过期", "Expired", 1.2, is_number=True), "expiredCredits"),
    (Heading("可用", "Available", 1.2, is_number=True), "availableCredits"),
)
_PARTS = (
    (Heading("学习成果", "Learning outcome", 3), "sourceTitle"),
    (Heading("课程代码", "Course code", 1.5), "courseCode"),
    (Heading("转换为课程", "Counts as", 3), "courseTitle"),
    (Heading("学分", "Credits", 1, is_number=True), "grantedCredits"),
)


def lines_of(subject: Mapping[str, Any]) -> list[Line]:
    """Return what is told of a subject in lines."""
    about = _award(subject["qualificationAward"]) if "qualificationAward" in subject else _achievement(subject)
    return [*_holder(subject), *about, *_recognition(subject), *_conversion(subject)]


def rows_of(subject: Mapping[str, Any]) -> list[Rows]:
    """Return the lists in a subject: balances by scheme, and what outcomes count as."""
    found = []
    balances = [one | one.get("creditScheme", {}) for one in subject.get("creditBalance", ())]
    if balances:
        found.append(_listed("学分余额", "Balances", _BALANCE, balances))
    parts = subject.get("creditConversion", {}).get("convertedPart", ())
    if any(len(one) > 1 for one in parts):  # more than its type
        found.append(_listed("转换明细", "What counts as what", _PARTS, parts))
    return found


def _listed(zh: str, en: str, columns: Sequence[tuple[Heading, str]], items: Sequence[Mapping[str, Any]]) -> Rows:
    """Return a list with the columns of which anything is told."""
    told = [(heading, name) for heading, name in columns if any(name in one for one in items)]
    rows = [tuple(str(one.get(name, "")) for _, name in told) for one in items]
    return Rows(zh, en, tuple(heading for heading, _ in told), rows)


def _holder(subject: Mapping[str, Any]) -> Iterator[Line]:
    name = name_in(subject)
    if name is not None:
        yield Line("姓名", "Holder", name)


def _achievement(subject: Mapping[str, Any]) -> Iterator[Line]:
    achievement = subject.get("achievement", {})
    if "name" in achievement:
        yield Line("学习成果", "Learning outcome", achievement["name"])
    if "name" in subject.get("source", {}):
        yield Line("颁发机构", "Issuing institution", subject["source"]["name"])
    if "activityStartDate" in subject:
        yield Line("开始日期", "Started on", subject["activityStartDate"][:10])
    if "activityEndDate" in subject:
        yield Line("完成日期", "Completed on", subject["activityEndDate"][:10])
    if "creditsAsOf" in subject:
        yield Line("截至日期", "As of", subject["creditsAsOf"])


def _award(award: Mapping[str, Any]) -> Iterator[Line]:
    for name, zh, en in (("qualificationTitle", "资历", "Qualification"), ("levelTitle", "等级", "Level")):
        if name in award:
            yield Line(zh, en, award[name]["zh"], award[name]["en"])
    if "name" in award.get("awardingInstitution", {}):
        yield Line("授予机构", "Awarded by", award["awardingInstitution"]["name"])
    elif award.get("isAutomatic"):
        yield Line("授予方式", "Awarded by", "按规则自动授予", "the rules themselves")
    if "awardedOn" in award:
        yield Line("授予日期", "Awarded on", award["awardedOn"])
    if "qualificationCode" in award:
        yield Line("资历定义", "Definition", f"{award['qualificationCode']} {award['qualificationVersion']}")
    for part in award.get("qualificationPart", ()):
        title, asked = part["partTitle"], part["partAsked"]
        yield Line(title["zh"], title["en"], asked["zh"], asked["en"])


def _recognition(subject: Mapping[str, Any]) -> Iterator[Line]:
    recognition = subject.get("creditRecognition", {})
    if "creditAmount" in recognition:
        yield Line("认定学分", "Recognised credits", recognition["creditAmount"])
    yield from _scheme(recognition)
    if "creditLevel" in recognition:
        yield Line("等级", "Level", recognition["creditLevel"])
    if "creditCategory" in recognition:
        yield Line("类别", "Category", recognition["creditCategory"])
    if "ruleSetCode" in recognition:
        version = recognition.get("ruleSetVersion", "")
        yield Line("认定规则", "Rule set", f"{recognition['ruleSetCode']} {version}".strip())


def _conversion(subject: Mapping[str, Any]) -> Iterator[Line]:
    conversion = subject.get("creditConversion", {})
    if "name" in conversion.get("acceptingInstitution", {}):
        yield Line("接收机构", "Accepting institution", conversion["acceptingInstitution"]["name"])
    if "programmeCode" in conversion:
        yield Line("专业代码", "Programme", conversion["programmeCode"])
    if "acceptedOn" in conversion:
        yield Line("认定日期", "Accepted on", conversion["acceptedOn"])
    if "grantedCredits" in conversion:
        yield Line("转换学分合计", "Credits granted", conversion["grantedCredits"])
    yield from _scheme(conversion)


def _scheme(told: Mapping[str, Any]) -> Iterator[Line]:
    scheme = told.get("creditScheme", {})
    if "schemeCode" in scheme:
        yield Line("学分体系", "Credit scheme", scheme["schemeCode"])
    if "hoursPerCredit" in scheme:
        yield Line("每学分学时", "Hours a credit", scheme["hoursPerCredit"])
