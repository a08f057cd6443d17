"""The demonstration's people and course records: made up, the same at every run, with the faults of real files."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from creditbank.core.institution import Level

SEED = 20260701
"""Fixed, so that a second run posts the same records and is answered as replayed."""

PEOPLE_COUNT = 60

FIRST_DAY = date(2025, 3, 3)
"""Records are completed between this day and some 15 months later."""

SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林罗高"
GIVEN_NAMES = (
    "秀英",
    "建国",
    "淑芬",
    "志强",
    "桂兰",
    "明",
    "渝生",
    "红梅",
    "德华",
    "小琴",
    "国栋",
    "玉珍",
    "嘉陵",
    "晓燕",
    "永川",
)
RARE_NAMES = ("阿卜杜热西提·买买提", "冉𬭎", "田䶮")
PREFIXES = ("500103", "500108", "510201", "512301", "513521", "500112")
"""Where resident IDs were first issued; those before 1997 begin with Sichuan's 51."""


@dataclass(frozen=True, slots=True)
class Place:
    """An institution of the demonstration, with the courses that it teaches: title, hours, kind, category."""

    code: str
    name: str
    level: Level
    parent: str | None
    region_code: str | None
    courses: tuple[tuple[str, int, str, str], ...]
    rows: int


INSTITUTIONS = (
    Place(
        "cqdx",
        "重庆大学",
        Level.CITY,
        None,
        "500106",
        (
            ("高等数学（一）", 64, "course", "公共基础课"),
            ("大学语文", 40, "course", "公共基础课"),
            ("程序设计基础", 56, "course", "专业基础课"),
            ("工程经济学", 32, "course", "专业课"),
        ),
        120,
    ),
    Place(
        "cqou",
        "重庆开放大学",
        Level.CITY,
        None,
        "500107",
        (
            ("计算机应用基础", 54, "course", "统设必修"),
            ("管理学基础", 72, "course", "专业基础课"),
            ("大学语文", 54, "course", "统设必修"),
            ("社区治理", 36, "course", "专业课"),
        ),
        120,
    ),
    Place(
        "cq-yuzhong-elder",
        "渝中区老年大学",
        Level.DISTRICT,
        "cqou",
        "500103",
        (
            ("书法入门", 32, "course", "文化艺术"),
            ("智能手机应用", 24, "course", "信息素养"),
            ("太极拳", 40, "course", "健康养生"),
            ("川剧欣赏", 20, "course", "文化艺术"),
        ),
        120,
    ),
    Place(
        "cq-community",
        "上清寺街道社区教育学校",
        Level.TOWN,
        "cq-yuzhong-elder",
        "500103",
        (
            ("家庭急救", 16, "community_class", "生活技能"),
            ("剪纸", 24, "community_class", "文化艺术"),
            ("垃圾分类与环保", 8, "community_class", "公民素养"),
            ("防诈骗讲座", 8, "community_class", "生活技能"),
        ),
        120,
    ),
)
"""Four institutions on three levels of the tree 市/区县/镇街."""

PROGRAMME = {
    "code": "senior-culture",
    "title": "银龄文化与健康（示例）",
    "scheme": "cn-16h-half",
    "total_credits": "40",
    "attributes": {"学员": "银龄"},
    "courses": [
        {"code": "s1", "title": "书法入门", "credits": "2", "category": "文化艺术"},
        {"code": "s2", "title": "太极拳", "credits": "2.5", "category": "健康养生"},
        {"code": "s3", "title": "智能手机应用", "credits": "1.5", "category": "信息素养"},
        {"code": "s4", "title": "川剧欣赏", "credits": "1", "category": "文化艺术"},
        {"code": "s5", "title": "结业展示", "credits": "4", "category": "结业展示"},
    ],
}
"""What 重庆开放大学 offers to older learners, under the example rules of the Chongqing pack."""

PARTNER_SCOPES = (
    *("balance:read", "statement:read", "outcomes:read", "identity:read"),
    "learners:lookup",
    "webhooks:write",
)

PARTNER = Place("cq-renshe", "重庆人社培训平台", Level.CITY, None, None, (), 0)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody made up."""

    name: str
    resident_id: str


def people() -> list[Person]:
    """Return the demonstration's people, born from 1936 to 2006."""
    chance = random.Random(SEED)  # noqa: S311 - made-up data, no secret
    found = []
    for number in range(PEOPLE_COUNT):
        name = RARE_NAMES[number] if number < len(RARE_NAMES) else chance.choice(SURNAMES) + chance.choice(GIVEN_NAMES)
        born = date(1936, 1, 1) + timedelta(days=chance.randrange(70 * 365))
        body = f"{chance.choice(PREFIXES)}{born:%Y%m%d}{number:03d}"
        found.append(Person(name, body + _check_digit(body)))
    return found


def records_of(place: Place) -> Iterator[dict[str, Any]]:
    """Yield an institution's records as it would send them, among them a few with faults of real files."""
    chance = random.Random(f"{SEED}/{place.code}")  # noqa: S311 - made-up data, no secret
    everybody = people()
    for number in range(1, place.rows + 1):
        person = chance.choice(everybody)
        title, hours, kind, category = chance.choice(place.courses)
        completed = FIRST_DAY + timedelta(days=7 * chance.randrange(64))
        record: dict[str, Any] = {
            "external_id": f"{place.code}-{number:05d}",
            "learner": {
                "identifier": {"type": "cn.resident_id", "value": person.resident_id},
                "name": person.name,
            },
            "kind": kind,
            "title": title,
            "category": category,
            "hours": str(hours),
            "score": {"value": str(chance.randint(60, 99)), "scale": "100"},
            "completed_on": completed.isoformat(),
        }
        yield _spoiled(record, number)
        if number % 30 == 0:
            yield {**record, "external_id": f"{record['external_id']}-again"}


def _spoiled(record: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the record with a fault in every fortieth row: a slip in the ID, a year too far, hours with a comma."""
    if number % 40 == 7:  # noqa: PLR2004 - any place will do
        identifier = record["learner"]["identifier"]
        last = identifier["value"][-1]
        wrong = {**identifier, "value": identifier["value"][:-1] + ("1" if last != "1" else "2")}
        return {**record, "learner": {**record["learner"], "identifier": wrong}}
    if number % 40 == 19:  # noqa: PLR2004
        return {**record, "completed_on": "2062-05-06"}
    if number % 40 == 31:  # noqa: PLR2004
        return {**record, "hours": "1,024"}
    return record


def _check_digit(body: str) -> str:
    """Return the check character of GB 11643 for the first 17 digits."""
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body))
    return "0123456789X"[(12 - total) % 11]
