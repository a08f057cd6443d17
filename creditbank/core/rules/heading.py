"""What every rule set begins with, whatever its kind: titles, source, validity, and lists whose items have ids."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from creditbank.core.rules.document import Place, shown
from creditbank.core.rules.ruleset import Source, Title, Validity, VersionDate

VERSION_MAX = 9999
"""A version a day for 27 years."""

PRIORITY_MAX = 1000
PRIORITY = 100
"""The priority of a set that names none: above are sets for few outcomes, below those for many."""


class Named(Protocol):
    """What has an id within its set."""

    @property
    def id(self) -> str:
        """The id."""


Item = TypeVar("Item", bound=Named)


def title_at(place: Place) -> Title | None:
    """Return a title in both languages; None where none stands."""
    if place.is_missing:
        return None
    fields = place.fields(("zh", "en"))
    zh, en = fields["zh"].text(), fields["en"].text()
    return None if zh is None or en is None else Title(zh, en)


def source_at(authority_place: Place, place: Place) -> Source | None:
    """Return who answers for the rules and what they encode."""
    fields = place.fields(("document",), ("article",))
    authority, document, article = authority_place.text(), fields["document"].text(), fields["article"].text()
    return None if authority is None or document is None else Source(authority, document, article)


def validity_at(fields: dict[str, Place]) -> Validity | None:
    """Return the days on which a version applies, and note them where they are crossed."""
    first, last = fields["valid_from"].day(), fields["valid_until"].day()
    version_date = fields["version_date"].choice(VersionDate)
    if first is not None and last is not None and last < first:
        zh = f"最后有效日早于生效日 {first}；有效期包括最后一天，请核对两者。"
        en = f"The last valid day lies before the first, {first}; the last day counts, check both."
        fields["valid_until"].fault("ends_before_start", zh, en)
    if first is None or version_date is None:
        return None
    return Validity(first, last, VersionDate(version_date))


def uniquely(places: list[Place], read: Callable[[Place], Item | None]) -> list[Item]:
    """Return what is read at the places, and note every id that comes again."""
    found: dict[str, Item] = {}
    for place in places:
        named = read(place)
        if named is None:
            continue
        if named.id in found:
            zh, en = (
                f"编号 {shown(named.id)} 已用过；请改用其他编号。",
                f"The id {shown(named.id)} is taken; choose another.",
            )
            place.inner("id", named.id).fault("duplicate_id", zh, en)
        found[named.id] = named
    return list(found.values())


def optional_items(place: Place, items_max: int) -> list[Place]:
    """Return the places of a list that may be left out, but not empty."""
    return [] if place.is_missing else place.items(items_max)
