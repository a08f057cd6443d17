"""A conversion's explanation in sentences for the learner: what counts for what, what was left out, what is missing."""

from typing import Any

from creditbank.core.errors import Fault
from creditbank.core.rules.phrases import Node, Phrase, joined, plain, unmet, wished

LEFT_OUT_MAX = 10
"""Sentences about what was left out: more than that is a list and no answer."""


def sentences(explanation: dict[str, Any]) -> list[dict[str, str]]:
    """Return the explanation of a conversion in sentences: [{"zh", "en"}, …]."""
    phrases = [_summary(explanation)]
    phrases += [_part(part, explanation) for part in explanation["parts"]]
    left_out = [_left_out_course(course) for course in explanation["courses_left_out"] if course["reasons"]]
    left_out += [_left_out_outcome(one) for one in explanation["outcomes_left_out"] if one["reasons"]]
    phrases += left_out[:LEFT_OUT_MAX]
    phrases += [_requirement(one) for one in explanation["requirements"] if not one["met"]]
    return [{"zh": zh + "。", "en": en[:1].upper() + en[1:] + "."} for zh, en in phrases]


def faults(explanation: dict[str, Any]) -> tuple[Fault, ...]:
    """Return why nothing could be converted: a fault for every course and outcome that was left out."""
    found = []
    for course in explanation["courses_left_out"][:LEFT_OUT_MAX]:
        for reason in course["reasons"][:1]:
            zh, en = _left_out_course(course)
            found.append(Fault("/target/courses", reason["why"], zh + "。", en[:1].upper() + en[1:] + "."))
    for outcome in explanation["outcomes_left_out"][:LEFT_OUT_MAX]:
        for reason in outcome["reasons"][:1]:
            zh, en = _left_out_outcome(outcome)
            found.append(Fault("/outcomes", reason["why"], zh + "。", en[:1].upper() + en[1:] + "."))
    if not found:
        zh, en = _summary(explanation)
        found.append(Fault("/outcomes", "no_outcomes", zh + "。", en[:1].upper() + en[1:] + "."))
    return tuple(found)


def _summary(told: Node) -> Phrase:
    programme, title = told["programme"], told["title"]
    name, credit = programme["title"], plain(told["credits"])
    if not told["parts"]:
        zh = f"按《{title['zh']}》第 {told['version']} 版，目前没有可以转换到“{name}”的学分"
        return (
            zh,
            f"under “{title['en']}”, version {told['version']}, nothing can be converted toward “{name}” at present",
        )
    zh = f"按《{title['zh']}》第 {told['version']} 版，转换到“{name}”共 {credit} 学分"
    return zh, f"under “{title['en']}”, version {told['version']}, {credit} credits count toward “{name}”"


def _part(part: Node, told: Node) -> Phrase:
    credit, spent, title = plain(part["credits"]), plain(part["spent"]), part["title"]
    course = part["course"]
    if course is None:
        zh, en = f"“{title}”计入 {credit} 学分", f"“{title}” counts for {credit} credits"
    else:
        zh = f"“{title}”免考课程“{course['title']}”（{credit} 学分）"
        en = f"“{title}” exempts from the course “{course['title']}” ({credit} credits)"
    if "rate" in part:
        zh += f"：{spent} 学分 × {plain(part['rate'])} = {credit} 学分"
        en += f": {spent} credits × {plain(part['rate'])} = {credit} credits"
    elif part["spent"] != "0.00":
        zh += f"，使用其 {plain(part['recognised'])} 学分中的 {spent} 学分"
        en += f", using {spent} of its {plain(part['recognised'])} credits"
    if part["lapsed"] != "0.00":
        zh += f"，其中 {plain(part['lapsed'])} 学分超过限额而失效"
        en += f", of which {plain(part['lapsed'])} are over a limit and lapse"
    if part.get("partners"):
        zh, en = zh + "，须与另一项成果合并使用", en + ", together with another outcome"
    limits = [one for one in told["limits"] if one["counted"] == one["left"] and one["measure"] not in _COUNTS]
    if limits and course is None and part["credits"] != part["spent"]:
        name = limits[0]["title"] or {"zh": limits[0]["limit"], "en": limits[0]["limit"]}
        zh, en = zh + f"（限额“{name['zh']}”）", en + f" (limit “{name['en']}”)"
    return zh, en


_COUNTS = ("outcomes", "courses")


def _left_out_course(course: Node) -> Phrase:
    reason = course["reasons"][0]
    if _differs_in_title_only(reason):
        zh, en = "还没有同名的学习成果", "there is no outcome of its title yet"
    else:
        zh, en = _reason(reason)
    return f"课程“{course['title']}”未能免考：{zh}", f"the course “{course['title']}” is not replaced: {en}"


def _left_out_outcome(outcome: Node) -> Phrase:
    reason = outcome["reasons"][0]
    if _differs_in_title_only(reason):
        zh, en = "没有同名的课程", "there is no course of its title"
    else:
        zh, en = _reason(reason)
    return f"“{outcome['title']}”未使用：{zh}", f"“{outcome['title']}” is not used: {en}"


def _differs_in_title_only(reason: Node) -> bool:
    """Tell whether outcome and course are simply different ones: to compare two titles at random explains nothing."""
    return [node.get("fact") for node in reason.get("conditions", ())] == ["same_title"]


def _reason(reason: Node) -> Phrase:
    why = reason["why"]
    if why in _PLAIN:
        return _PLAIN[why]
    return _TOLD[why](reason)


def _limited(reason: Node) -> Phrase:
    limit = reason["limits"][0]
    most, used, counted = (plain(limit[name]) for name in ("most", "used", "counted"))
    name = limit["title"] or {"zh": limit["limit"], "en": limit["limit"]}
    zh = f"超过限额“{name['zh']}”：最多 {most}，此前已用 {used}，本次已计 {counted}"
    return zh, f"the limit “{name['en']}” allows {most}; {used} were used before and {counted} count now"


def _unmet(reason: Node) -> Phrase:
    conditions = [phrase for node in reason.get("conditions", ()) for phrase in unmet(node)]
    zh, en = joined(conditions, "；", "; ") if conditions else ("不符合规则的条件", "the conditions are not met")
    return zh, en


def _partner(reason: Node) -> Phrase:
    wishes = joined([wished(node) for node in reason["partner"]], "；", "; ")
    zh = f"还缺少一项可与“{reason['outcome_title']}”合并的成果（{wishes[0]}）"
    return zh, f"another outcome is missing that goes together with “{reason['outcome_title']}” ({wishes[1]})"


def _too_few(reason: Node) -> Phrase:
    needed = reason["needed"]
    if needed is None:
        return "没有可用的学分", "it has no credits left"
    zh = f"可用 {plain(reason['worth'])} 学分，课程需要 {plain(needed)} 学分"
    return zh, f"it brings {plain(reason['worth'])} credits and the course has {plain(needed)}"


def _too_old(reason: Node) -> Phrase:
    zh = f"完成于 {reason['completed_on']}，最迟可在 {reason['usable_until']} 使用（双方有效期取较短者）"
    en = f"completed on {reason['completed_on']}, it could be used until {reason['usable_until']}"
    return zh, en + " (of both sides' validity the shorter counts)"


def _converted(reason: Node) -> Phrase:
    return f"已用于转换 {reason['conversion']}", f"it is part of conversion {reason['conversion']} already"


def _no_rate(reason: Node) -> Phrase:
    zh = f"没有从 {reason['from']} 到 {reason['to']} 的折算比率"
    return zh, f"there is no rate from {reason['from']} to {reason['to']}"


def _excluded(reason: Node) -> Phrase:
    name = reason["title"] or {"zh": reason["exclusion"], "en": reason["exclusion"]}
    return f"规则明确排除（{name['zh']}）", f"the rules exclude it ({name['en']})"


def _replaced(reason: Node) -> Phrase:
    other = reason.get("title") or reason.get("by")
    return f"该课程已由另一项成果替代（{other}）", f"the course is replaced already, by {other}"


_PLAIN: dict[str, Phrase] = {
    "no_rule": ("没有规则涉及此成果", "no rule speaks of it"),
    "credits_used": ("其学分已用于其他课程", "its credits are used for other courses"),
    "partner_used": ("须合并使用的成果已用于其他课程", "the outcome that it needs is used elsewhere"),
    "less_in_all": ("另一种组合的学分更多或用到的成果更少", "another combination brings more or needs fewer outcomes"),
}

_TOLD = {
    "limit": _limited,
    "unmet": _unmet,
    "partner_missing": _partner,
    "too_few_credits": _too_few,
    "too_old": _too_old,
    "already_converted": _converted,
    "no_rate": _no_rate,
    "excluded": _excluded,
    "already_replaced": _replaced,
}


def _requirement(requirement: Node) -> Phrase:
    title = requirement["title"] or {"zh": requirement["requirement"], "en": requirement["requirement"]}
    missing, least = plain(requirement["missing"]), plain(requirement["at_least"])
    zh = f"要求“{title['zh']}”不少于 {least} 学分，还差 {missing} 学分"
    return zh, f"“{title['en']}” asks for {least} credits; {missing} are missing"
