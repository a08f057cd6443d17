"""The predicates of conversion: on the outcome and its credits, the programme and its course."""

from collections.abc import Callable

from creditbank.core.rules.condition_parsing import (
    OUTCOME_PREDICATES,
    Predicates,
    between_at,
    one_of_at,
)
from creditbank.core.rules.conditions import AllOf, Condition, SameTitle
from creditbank.core.rules.document import Place

LIST_MAX = 100
"""Attributes that one condition asks about."""


def _same_title_at(_: str, place: Place) -> SameTitle | None:
    if place.value is not True:
        place.fault("wrong_type", "只能写 true；请改写或删除。", "It can only be true; write that or leave it out.")
        return None
    return SameTitle()


def _attribute_at(_: str, place: Place) -> Condition | None:
    parts = [one_of_at(f"target_attribute.{name}", inner) for name, inner in place.entries(LIST_MAX)]
    sound = tuple(part for part in parts if part is not None)
    return AllOf(sound) if sound and len(sound) == len(parts) else None


_TARGET: dict[str, Callable[[str, Place], Condition | None]] = {
    "target_institution": one_of_at,
    "target_programme": one_of_at,
    "target_scheme": one_of_at,
    "target_attribute": _attribute_at,
    "target_total": between_at,
}


_COURSE: dict[str, Callable[[str, Place], Condition | None]] = {
    "target_code": one_of_at,
    "target_title": one_of_at,
    "target_category": one_of_at,
    "target_credits": between_at,
    "same_title": _same_title_at,
}


TARGET_PREDICATES: Predicates = _TARGET
"""What `applies_to` may ask: of the programme."""


PAIR_PREDICATES: Predicates = {
    **OUTCOME_PREDICATES,
    **_TARGET,
    **_COURSE,
    "recognised": between_at,
    "recognised_scheme": one_of_at,
}
"""What rules, limits and exclusions may ask: of the outcome, the programme and its course."""
