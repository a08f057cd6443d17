"""Phrases for the parts of an explanation: what a condition asked and found, and how an award was counted."""

from collections.abc import Mapping, Sequence
from typing import Any

Phrase = tuple[str, str]
"""The same thing said in Chinese and in English."""

Node = Mapping[str, Any]
"""A part of an explanation as it is stored."""

LISTED_MAX = 5
"""Values of a list that a sentence repeats: more can't be taken in by ear."""

_FACTS: dict[str, Phrase] = {
    "kind": ("成果类型", "the kind of outcome"),
    "code": ("课程代码", "the course code"),
    "title": ("名称", "the title"),
    "issuer": ("颁发机构", "the issuer"),
    "category": ("类别", "the category"),
    "programme": ("专业或项目", "the programme"),
    "scheme": ("学分体系", "the credit scheme"),
    "level": ("等级", "the level"),
    "hours": ("学时", "the number of hours"),
    "credits": ("申报学分", "the credits claimed"),
    "score": ("成绩", "the score"),
    "completed": ("完成日期", "the day of completion"),
    "started": ("开始日期", "the starting day"),
    "applied": ("提交日期", "the day of submission"),
    "age": ("年龄", "the age"),
    "recognised": ("认定学分", "the credits recognised"),
    "recognised_scheme": ("学分体系", "the credit scheme"),
    "target_institution": ("接受机构", "the accepting institution"),
    "target_programme": ("培养方案", "the programme"),
    "target_scheme": ("培养方案的学分体系", "the programme's credit scheme"),
    "target_total": ("培养方案总学分", "the programme's credits"),
    "target_code": ("课程代码", "the course's code"),
    "target_title": ("课程名称", "the course's title"),
    "target_category": ("课程类别", "the course's category"),
    "target_credits": ("课程学分", "the course's credits"),
    "same_title": ("与课程相同的名称", "the title that the course has"),
}

_KINDS: dict[str, Phrase] = {
    "course": ("课程", "a course"),
    "certificate": ("证书", "a certificate"),
    "degree": ("学历学位", "a degree"),
    "training": ("培训", "a training"),
    "community_class": ("社区课程", "a community class"),
    "examination": ("考试", "an examination"),
    "other": ("无定式成果", "an outcome without fixed form"),
}

_ROUNDINGS: dict[str, Phrase] = {
    "down": ("向下", "down"),
    "up": ("向上", "up"),
    "half_up": ("四舍五入", "to the nearest, halves up"),
    "half_even": ("四舍六入五成双", "to the nearest, halves to even"),
}

_REASONS: dict[str, Phrase] = {
    "no_hours": ("记录里没有写学时，无法按学时计算", "the record names no hours to count by"),
    "no_score": ("记录里没有写成绩", "the record names no score"),
    "score_not_a_number": ("成绩“{score}”不是数字，无法分档", "the score “{score}” is no number to find a tier by"),
    "other_scale": (
        "成绩的计分方式是“{score_scale}”，而规则要求“{scale}”",
        "the score is on the scale “{score_scale}”, the rule asks for “{scale}”",
    ),
    "below_lowest_tier": ("{score} 分未达到最低要求 {lowest} 分", "{score} does not reach the least score, {lowest}"),
    "level_not_a_number": ("等级“{level}”不是数字，无法相乘", "the level “{level}” is no number to multiply by"),
    "no_level": ("记录里没有写等级", "the record names no level"),
    "level_unlisted": ("等级“{level}”不在规则的列表中", "the level “{level}” is not in the rule's list"),
    "no_credits": ("记录里没有写申报学分", "the record claims no credits"),
    "over_limit": (
        "算出的学分超过单项上限 {most}，请机构核对数据",
        "it comes to more than {most} for one outcome; the issuer should check its data",
    ),
    "rounds_to_zero": ("不足一个最小学分单位，计为 0 学分", "it is less than the smallest step and counts 0 credits"),
}


def counted(award: Node) -> Phrase:
    """Return how an award was counted, or why it gives nothing."""
    values = {name: plain(value) if isinstance(value, str) else value for name, value in award.items()}
    values["credits"] = award["credits"]
    reason = award.get("reason")
    if reason in _REASONS and not (reason == "rounds_to_zero" and award["how"] == "hours"):
        zh, en = _REASONS[reason]
    else:
        zh, en = _formula(award, values)
    return zh.format_map(values), en.format_map(values)


def _formula(award: Node, values: dict[str, Any]) -> Phrase:
    how = award["how"]
    if how == "fixed":
        return "直接认定为 {credits} 学分", "it counts {credits} credits"
    if how == "tiers":
        zh, en = "{score} 分达到 {tier} 分一档，得 {credits} 学分", "{score} reaches the tier {tier}: {credits} credits"
        return (zh + "（下一档 {next} 分）", en + " (the next tier is {next})") if "next" in award else (zh, en)
    if how == "levels":
        return "等级“{level}”对应 {credits} 学分", "the level “{level}” counts {credits} credits"
    if how == "hours":
        minutes = "minutes_per_hour" in award
        zh, en = "{hours} 学时", "{hours} hours"
        if minutes:
            zh += " × {minutes_per_hour} 分钟 ÷ {scheme_minutes_per_hour} 分钟"
            en += " × {minutes_per_hour} minutes ÷ {scheme_minutes_per_hour} minutes"
        zh, en = zh + " ÷ {per_credit} = ", en + " ÷ {per_credit} = "
    elif how == "points":
        zh, en = "{claimed} 学分 × 等级 {level} = ", "{claimed} credits × level {level} = "
    else:
        factor = "" if values["factor"] == "1" else " × {factor}"
        zh, en = f"申报 {{claimed}} 学分{factor} = ", f"{{claimed}} credits claimed{factor} = "
    tail = _rounding(award, values)
    return zh + tail[0], en + tail[1]


def _rounding(award: Node, values: dict[str, Any]) -> Phrase:
    """Return the end of a formula: its result, and the steps between the exact quotient and the credits."""
    if plain(award["credits"]) == award["exact"]:
        return "{credits} 学分", "{credits} credits"
    direction = _ROUNDINGS[award["rounding"]]
    zh = "{exact}，以 {step} 学分为一档" + direction[0] + "取整"
    en = "{exact}, rounded " + direction[1] + " in steps of {step}"
    if "at_most" in values:
        zh, en = zh + "，最多 {at_most}", en + ", at most {at_most}"
    return zh + "，得 {credits} 学分", en + ": {credits} credits"


def unmet(node: Node) -> list[Phrase]:
    """Return a phrase for each reason why a condition did not hold; nothing if it did."""
    if node["held"]:
        return []
    if "all" in node:
        return [phrase for part in node["all"] for phrase in unmet(part)]
    if "any" in node:
        phrases = [phrase for part in node["any"] for phrase in unmet(part)]
        return [joined(phrases, "；或：", "; or: ")]
    if "not" in node:
        return [_excluded(node["not"])]
    if "of" in node:
        phrases = [phrase for part in node["of"] for phrase in unmet(part)]
        zh, en = joined(phrases, "；", "; ")
        return [(f"至少要符合 {node['at_least']} 项：{zh}", f"at least {node['at_least']} must hold: {en}")]
    return [_missed(node)]


def wished(node: Node) -> Phrase:
    """Return what a condition asks for, whatever was found."""
    for name, zh, en in (("all", "，且", " and "), ("any", "或", " or "), ("of", "、", ", ")):
        if name in node:
            return joined([wished(part) for part in node[name]], zh, en)
    if "not" in node:
        inner = wished(node["not"])
        return f"不是{inner[0]}", f"not {inner[1]}"
    (name_zh, name_en), (asked_zh, asked_en) = _fact(node), _asked(node["asked"])
    return f"{name_zh}为{asked_zh}", f"{name_en} is {asked_en}"


def _excluded(node: Node) -> Phrase:
    """Return why a part that holds keeps the whole from holding."""
    leaves = [leaf for leaf in _leaves(node) if leaf["held"]]
    phrases = []
    for leaf in leaves:
        if leaf["fact"] == "completed_within_years":
            years = leaf["asked"]
            phrases.append(
                (f"完成未超过 {years} 年，规则不包括这种情况", f"the rule leaves out what is {years} years old or less")
            )
            continue
        zh, en = _fact(leaf)
        found = _KINDS[leaf["found"]] if leaf["fact"] == "kind" else _value(leaf["found"])
        phrases.append((f"{zh}是“{found[0]}”，规则不包括这种情况", f"the rule leaves out that {en} is “{found[1]}”"))
    return joined(phrases, "，", ", ") if phrases else ("属于规则排除的情况", "the rule leaves this case out")


def _leaves(node: Node) -> list[Node]:
    for name in ("all", "any", "of"):
        if name in node:
            return [leaf for part in node[name] for leaf in _leaves(part)]
    return _leaves(node["not"]) if "not" in node else [node]


def _missed(leaf: Node) -> Phrase:
    asked, found = leaf["asked"], leaf["found"]
    if leaf["fact"] == "completed_within_years":
        zh = f"完成于 {found['completed_on']}，距提交日期 {found['applied_on']} 已超过 {asked} 年"
        return zh, f"it was completed on {found['completed_on']}, over {asked} years before {found['applied_on']}"
    if leaf["fact"] == "kind":
        asked, found = [_KINDS[kind] for kind in asked], _KINDS[found]
        zh = f"成果类型要求{'、'.join(one for one, _ in asked)}，实际是{found[0]}"
        return zh, f"it must be {' or '.join(one for _, one in asked)} and is {found[1]}"
    name, wanted = _fact(leaf), _asked(asked)
    if leaf["fact"] == "age" and found is None:
        return f"不知道学习者的年龄（要求{wanted[0]}）", f"the learner's age is not known (asked: {wanted[1]})"
    if found is None:
        return f"记录里没有写{name[0]}（要求{wanted[0]}）", f"the record does not tell {name[1]} (asked: {wanted[1]})"
    if _falls_short(leaf):
        least, value = plain(asked["at_least"]), plain(found["value"])
        return f"{value} 分未达到 {least} 分", f"the score {value} does not reach {least}"
    had = _value(found)
    return f"{name[0]}要求{wanted[0]}，实际是{had[0]}", f"{name[1]} must be {wanted[1]} and is {had[1]}"


def _falls_short(leaf: Node) -> bool:
    asked, found = leaf["asked"], leaf["found"]
    if leaf["fact"] != "score" or "at_least" not in asked or "at_most" in asked:
        return False
    value: str = found["value"]
    return asked["scale"] == found["scale"] and value.replace(".", "", 1).isdecimal()


def _fact(leaf: Node) -> Phrase:
    name: str = leaf["fact"]
    if name.startswith("target_attribute."):
        attribute = name.partition(".")[2]
        return f"培养方案的“{attribute}”", f"the programme's “{attribute}”"
    return _FACTS.get(name, (name, name))


def _asked(asked: object) -> Phrase:
    if isinstance(asked, (list, str)):
        return _value(asked)
    assert isinstance(asked, dict), "a predicate asks for values or for bounds"
    zh, en = [], []
    for name, (one_zh, one_en) in _BOUNDS.items():
        if name in asked:
            value = _value(asked[name])
            zh.append(one_zh.format(value[0]))
            en.append(one_en.format(value[1]))
    return "、".join(zh), ", ".join(en)


_BOUNDS: dict[str, Phrase] = {
    "scale": ("计分方式“{}”", "on the scale “{}”"),
    "at_least": ("不低于 {}", "at least {}"),
    "at_most": ("不高于 {}", "at most {}"),
    "in": ("为{}", "one of {}"),
    "from": ("不早于 {}", "not before {}"),
    "until": ("不晚于 {}", "not after {}"),
}


def _value(value: object) -> Phrase:
    if isinstance(value, list):
        more = len(value) > LISTED_MAX
        names = [str(one) for one in value[:LISTED_MAX]]
        return "、".join(names) + ("等" if more else ""), ", ".join(names) + (", …" if more else "")
    if isinstance(value, dict) and "value" in value:
        return f"{value['value']}（计分方式 {value['scale']}）", f"{value['value']} (scale {value['scale']})"
    text = plain(str(value))
    return text, text


def joined(phrases: Sequence[Phrase], between_zh: str, between_en: str) -> Phrase:
    """Return the phrases as one."""
    return between_zh.join(zh for zh, _ in phrases), between_en.join(en for _, en in phrases)


def plain(text: str) -> str:
    """Return a number without the zeros that say nothing: "48.00" is "48", "2.50" is "2.5"; other texts as they are."""
    whole, dot, places = text.partition(".")
    if not (dot and whole.isdecimal() and places.isdecimal()):
        return text
    places = places.rstrip("0")
    return f"{whole}.{places}" if places else whole
