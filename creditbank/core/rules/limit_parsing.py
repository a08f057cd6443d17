"""From the JSON of limits, exclusions and requirements to their values."""

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.rules.condition_parsing import condition_at
from creditbank.core.rules.conversion_predicates import PAIR_PREDICATES
from creditbank.core.rules.conversion_set import Across, Exclusion, Limit, Measure, Over, Requirement
from creditbank.core.rules.document import Place, shown
from creditbank.core.rules.heading import optional_items, title_at
from creditbank.core.rules.subject import WORD_MAX

GROUPS = ("outcome", "course", "category", "source_category", "kind", "issuer", "term", "year")
"""What a limit can be counted for each of."""

PERCENT_MAX = 10_000
"""All of it, in hundredths of a percent."""

COUNT_MAX = 1000
"""Outcomes or courses in one group."""


def exclusion_at(place: Place) -> Exclusion | None:
    """Return an exclusion, or None where faults were noted."""
    fields = place.fields(("id", "when"), ("article", "title"))
    exclusion_id, article = fields["id"].text(WORD_MAX), fields["article"].text(WORD_MAX)
    title, when = title_at(fields["title"]), condition_at(fields["when"], PAIR_PREDICATES)
    return None if exclusion_id is None or when is None else Exclusion(exclusion_id, article, title, when)


def limit_at(place: Place) -> Limit | None:
    """Return a limit, or None where faults were noted."""
    fields = place.fields(("id", "at_most"), ("article", "title", "where", "per", "across", "over"))
    limit_id, article = fields["id"].text(WORD_MAX), fields["article"].text(WORD_MAX)
    title = title_at(fields["title"])
    where = condition_at(fields["where"], PAIR_PREDICATES)
    per = [item.choice(GROUPS) for item in optional_items(fields["per"], len(GROUPS))]
    across = Across.PROGRAMME.value if fields["across"].is_missing else fields["across"].choice(Across)
    over = Over.REFUSE.value if fields["over"].is_missing else fields["over"].choice(Over)
    bound = _bound_at(fields["at_most"])
    if limit_id is None or bound is None or across is None or over is None or None in per:
        return None
    measure, most = bound
    if measure is Measure.PERCENT_OF_CATEGORY and "category" not in per:
        zh = '按类别百分比的限额须逐类计算；请加上 "per": ["category"]。'
        en = 'A percentage of a category counts for each category; add "per": ["category"].'
        fields["at_most"].fault("needs_category", zh, en)
    if measure in (Measure.OUTCOMES, Measure.COURSES) and over != Over.REFUSE:
        zh = "数量限额不能截取或拆分；请把 over 改为 refuse 或删除。"
        fields["over"].fault("contradicts", zh, "A count can't be trimmed or split; make over refuse or leave it out.")
    groups = tuple(name for name in per if name is not None)
    return Limit(limit_id, article, title, where, groups, Across(across), measure, most, Over(over))


def _bound_at(place: Place) -> tuple[Measure, int] | None:
    fields = place.fields((), ("credits", "outcomes", "courses", "percent", "of"))
    named = [name for name in ("credits", "outcomes", "courses", "percent") if not fields[name].is_missing]
    if len(named) != 1:
        zh = "限额须是 credits、outcomes、courses、percent 中的一种；请只写一种。"
        place.fault("one_measure", zh, "A limit is in credits, outcomes, courses or percent; give exactly one of them.")
        return None
    name, of = named[0], fields["of"]
    if name == "percent":
        wanted = "programme" if of.is_missing else of.choice(("programme", "category"))
        most = fields["percent"].hundredths(1, PERCENT_MAX)
        measure = Measure.PERCENT_OF_CATEGORY if wanted == "category" else Measure.PERCENT_OF_PROGRAMME
        return None if most is None or wanted is None else (measure, most)
    if not of.is_missing:
        of.fault("contradicts", "of 只用于 percent；请删除。", "Only percent is of something; leave it out.")
    is_credits = name == "credits"
    most = fields[name].hundredths(1, HUNDREDTHS_MAX) if is_credits else fields[name].integer(1, COUNT_MAX)
    return None if most is None else (Measure(name), most)


def requirement_at(place: Place) -> Requirement | None:
    """Return a requirement, or None where faults were noted."""
    fields = place.fields(("id", "at_least"), ("article", "title", "where"))
    requirement_id, article = fields["id"].text(WORD_MAX), fields["article"].text(WORD_MAX)
    title, where = title_at(fields["title"]), condition_at(fields["where"], PAIR_PREDICATES)
    least = fields["at_least"].hundredths(1, HUNDREDTHS_MAX)
    return (
        None if requirement_id is None or least is None else Requirement(requirement_id, article, title, where, least)
    )


def check_reachable(fields: dict[str, Place], limits: list[Limit], requirements: list[Requirement]) -> None:
    """Note every limit on the programme as a whole that keeps a requirement out of reach."""
    bounds = [
        (limit, limit.most)
        for limit in limits
        if limit.measure is Measure.CREDITS and not limit.per and limit.across is not Across.APPLICATION
    ]
    for number, requirement in enumerate(requirements):
        for limit, most in bounds:
            if most < requirement.least_hundredths and limit.where in (None, requirement.where):
                zh = f"限额 {shown(limit.id)} 使要求 {shown(requirement.id)} 永远达不到；请核对两者。"
                en = f"The limit {shown(limit.id)} keeps {shown(requirement.id)} out of reach; check both."
                fields["requirements"].inner(number, None).fault("cannot_be_met", zh, en)
