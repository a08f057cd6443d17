"""From the JSON of a qualification's parts to their values; one table says how each kind of part is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.outcome import Kind
from creditbank.core.rules.condition_parsing import age_at, condition_at
from creditbank.core.rules.conditions import AllOf, OneOf
from creditbank.core.rules.document import NAME_MAX, Place, shown
from creditbank.core.rules.heading import title_at
from creditbank.core.rules.impossible import check_condition, check_together, is_contradictory
from creditbank.core.rules.qualification_set import (
    Accepted,
    AgePart,
    CertificatePart,
    CreditsPart,
    ExclusionPart,
    HoursPart,
    Leaf,
    Name,
    OutcomesPart,
    Part,
    Scale,
    Together,
    leaves,
)
from creditbank.core.rules.subject import WORD_MAX

PARTS_MAX = 50
"""Parts of one level, or of one group; published definitions have up to ten."""

DEPTH_MAX = 4
"""Groups of parts inside groups."""

ACCEPTED_MAX = 200
"""Certificates that one part accepts."""

COUNT_MAX = 1000
"""Outcomes that one part may ask for."""


_CERTIFICATE = OneOf("kind", {Kind.CERTIFICATE.value: Kind.CERTIFICATE.value})
"""What every certificate is."""


@dataclass(frozen=True, slots=True)
class Context:
    """What parts refer to: the set's own scheme and its scales by id."""

    scheme: str
    scales: Mapping[str, Scale]


def whole_at(place: Place, context: Context) -> Together | None:
    """Return the parts of a level, all of which are asked for, or None where faults were noted."""
    parts = _parts_at(place, context, 1)
    if not parts:
        return None
    whole = Together(len(parts), tuple(parts))
    ids = [leaf.name.id for leaf in leaves(whole)]
    if len(set(ids)) < len(ids):
        zh, en = "同一等级内有重复的编号；请改用其他编号。", "An id stands twice within the level; choose another."
        place.fault("duplicate_id", zh, en)
    check_together(place, whole)
    return whole


def _parts_at(place: Place, context: Context, depth: int) -> list[Part] | None:
    """Return the parts of a list; None where any of them is faulty."""
    if depth > DEPTH_MAX:
        zh, en = f"组合嵌套超过 {DEPTH_MAX} 层；请简化。", f"Groups are nested more than {DEPTH_MAX} deep; simplify."
        place.fault("too_deep", zh, en)
        return None
    parts = [_part_at(item, context, depth) for item in place.items(PARTS_MAX)]
    known = [part for part in parts if part is not None]
    return known if known and len(known) == len(parts) else None


def _part_at(place: Place, context: Context, depth: int) -> Part | None:
    """Return a group of parts, or a part by itself, which has an id, a title and exactly one thing that it asks for."""
    value = place.value if isinstance(place.value, dict) else {}
    group = next((name for name in ("all", "any", "at_least") if name in value), None)
    if group is not None:
        return _together_at(place, group, context, depth)
    fields = place.fields(("id", "title"), ("article", *KINDS))
    asked = [name for name in KINDS if not fields[name].is_missing]
    if isinstance(place.value, dict) and len(asked) != 1:
        zh = f"每个组成部分只写一项要求：{'、'.join(KINDS)}，或组合 all、any、at_least。"
        en = f"A part asks for exactly one of {', '.join(KINDS)}, or is a group: all, any or at_least."
        place.fault("one_part", zh, en)
    part_id, title = fields["id"].text(NAME_MAX), title_at(fields["title"])
    article = fields["article"].text(WORD_MAX)
    if part_id is None or title is None or len(asked) != 1:
        return None
    return KINDS[asked[0]](fields[asked[0]], Name(part_id, title, article), context)


def _together_at(place: Place, group: str, context: Context, depth: int) -> Together | None:
    inner = place.fields((group,))[group]
    if group != "at_least":
        parts = _parts_at(inner, context, depth + 1)
        return None if parts is None else Together(len(parts) if group == "all" else 1, tuple(parts))
    fields = inner.fields(("n", "of"))
    count, parts = fields["n"].integer(1, PARTS_MAX), _parts_at(fields["of"], context, depth + 1)
    if count is None or parts is None:
        return None
    if count > len(parts):
        zh = f"只有 {len(parts)} 项，不可能具备 {count} 项；请减小 n 或增加组成部分。"
        en = f"There are {len(parts)} parts, so that {count} can never be there; lower n or add parts."
        fields["n"].fault("cannot_be_met", zh, en)
    return Together(count, tuple(parts))


def _credits_at(place: Place, name: Name, context: Context) -> CreditsPart | None:
    fields = place.fields(("at_least",), ("scheme", "where"))
    scheme = context.scheme if fields["scheme"].is_missing else fields["scheme"].code()
    least, where = fields["at_least"].hundredths(1, HUNDREDTHS_MAX), _where_at(fields["where"])
    return None if scheme is None or least is None else CreditsPart(name, scheme, where, least)


def _hours_at(place: Place, name: Name, _: Context) -> HoursPart | None:
    fields = place.fields(("at_least",), ("where",))
    least, where = fields["at_least"].hundredths(1, HUNDREDTHS_MAX), _where_at(fields["where"])
    return None if least is None else HoursPart(name, where, least)


def _outcomes_at(place: Place, name: Name, _: Context) -> OutcomesPart | None:
    fields = place.fields(("where",), ("at_least",))
    least = 1 if fields["at_least"].is_missing else fields["at_least"].integer(1, COUNT_MAX)
    where = _where_at(fields["where"])
    return None if least is None or where is None else OutcomesPart(name, where, least)


def _exclusion_at(place: Place, name: Name, _: Context) -> ExclusionPart | None:
    where = condition_at(place.fields(("where",))["where"])
    return None if where is None else ExclusionPart(name, where)


def _age_at(place: Place, name: Name, _: Context) -> AgePart | None:
    between = age_at("age", place)
    return None if between is None else AgePart(name, between.at_least, between.at_most)


def _certificate_at(place: Place, name: Name, context: Context) -> CertificatePart | None:
    accepted = [_accepted_at(item, context) for item in place.items(ACCEPTED_MAX)]
    known = tuple(one for one in accepted if one is not None)
    return CertificatePart(name, known) if known else None


def _accepted_at(place: Place, context: Context) -> Accepted | None:
    fields = place.fields(("scale", "at_least"), ("where",))
    name, level, where = fields["scale"].text(NAME_MAX), fields["at_least"].text(WORD_MAX), _where_at(fields["where"])
    if name is None or level is None:
        return None
    scale = context.scales.get(name)
    if scale is None:
        zh = f"没有标尺 {shown(name)}；请在 scales 中定义。"
        fields["scale"].fault("unknown_name", zh, f"There is no scale {shown(name)}; define it under scales.")
        return None
    rank = scale.rank_of(level)
    if rank is None:
        zh, en = "标尺上没有这个等级；请核对 scales。", "The scale has no such level; check it under scales."
        fields["at_least"].fault("unknown_name", zh, en)
    if where is not None and is_contradictory([*where.parts, _CERTIFICATE]):
        zh = "这里只接受证书，而条件要求其他类型；请修改 kind。"
        fields["where"].fault(
            "cannot_be_met", zh, "Certificates are asked for, and another kind in the condition; mend it."
        )
    return None if rank is None else Accepted(name, rank, where)


def _where_at(place: Place) -> AllOf | None:
    """Return a condition on outcomes, and note where none can ever fulfil it."""
    condition = condition_at(place)
    if condition is not None:
        check_condition(place, condition)
    return condition


KINDS: dict[str, Callable[[Place, Name, Context], Leaf | None]] = {
    "credits": _credits_at,
    "outcomes": _outcomes_at,
    "certificate": _certificate_at,
    "hours": _hours_at,
    "age": _age_at,
    "exclude": _exclusion_at,
}
"""What a part can ask for, each with the function that reads it."""
