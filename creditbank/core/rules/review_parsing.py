"""From the JSON of a review and an appeal to their values."""

from creditbank.core.rules.conversion_set import (
    Appeal,
    Reviewers,
    ReviewStep,
)
from creditbank.core.rules.document import NAME_MAX, Place
from creditbank.core.rules.heading import (
    optional_items,
    title_at,
    uniquely,
)

STEPS_MAX = 12
"""Steps of a review; published chains have up to five."""


DAYS_MAX = 730
"""Two years for a step: longer is none."""


ROLES = ("target", "target_parent", "issuer", "authority")
"""Who reviews, by the role: the accepting institution, the one above it, the issuer of the outcomes, the authority."""


def review_at(place: Place) -> tuple[ReviewStep, ...]:
    """Return the steps of a review in their order; none where nobody reviews."""
    return tuple(uniquely(optional_items(place, STEPS_MAX), _step_at))


def _step_at(place: Place) -> ReviewStep | None:
    fields = place.fields(("id", "by", "days"), ("title", "escalates_to"))
    step_id, title, by = fields["id"].text(NAME_MAX), title_at(fields["title"]), _reviewers_at(fields["by"])
    days, escalates_to = fields["days"].integer(1, DAYS_MAX), _reviewers_at(fields["escalates_to"])
    return None if step_id is None or by is None or days is None else ReviewStep(step_id, title, by, days, escalates_to)


def appeal_at(place: Place) -> Appeal | None:
    """Return who hears an appeal, None where there is none."""
    if place.is_missing:
        return None
    fields = place.fields(("by", "within_days", "days"))
    by = _reviewers_at(fields["by"])
    within, days = fields["within_days"].integer(1, DAYS_MAX), fields["days"].integer(1, DAYS_MAX)
    return None if by is None or within is None or days is None else Appeal(by, within, days)


def _reviewers_at(place: Place) -> Reviewers | None:
    if place.is_missing:
        return None
    fields = place.fields((), ("institution", "role"))
    if fields["institution"].is_missing == fields["role"].is_missing:
        zh, en = "须写 institution 或 role 之一。", "Give either institution or role."
        place.fault("one_reviewer", zh, en)
        return None
    if fields["role"].is_missing:
        institution = fields["institution"].text(NAME_MAX)
        return None if institution is None else Reviewers(institution, None)
    role = fields["role"].choice(ROLES)
    return None if role is None else Reviewers(None, role)
