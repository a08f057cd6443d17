"""Programmes of accepting institutions and their courses: what learning can be converted into."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from creditbank.core.credit import decimal_text


@dataclass(frozen=True, slots=True)
class Course:
    """A course of a programme; `category` is the programme's own word, such as 统设必修 or 专业核心课."""

    code: str
    title: str
    credit_hundredths: int
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Programme:
    """A programme as its institution publishes it; `institution` is that one's code.

    `category_hundredths` are the credits that the programme asks for in a category; of one that is not named they are
    the sum of its courses. `attributes` are what rules may ask of a major, such as {"discipline": "computing"}.
    """

    institution: str
    code: str
    title: str
    scheme: str
    total_hundredths: int
    courses: tuple[Course, ...] = ()
    category_hundredths: Mapping[str, int] | None = None
    attributes: Mapping[str, str] | None = None

    def credits_in(self, category: str) -> int:
        """Return the hundredths of credit that the programme asks for in a category, 0 for an unknown one."""
        named = (self.category_hundredths or {}).get(category)
        if named is not None:
            return named
        return sum(course.credit_hundredths for course in self.courses if course.category == category)


def programme_document(programme: Programme) -> dict[str, Any]:
    """Return the programme as a JSON document with amounts as decimal strings; what is not there is left out."""
    fields: dict[str, Any] = {
        "institution": programme.institution,
        "code": programme.code,
        "title": programme.title,
        "scheme": programme.scheme,
        "total_credits": decimal_text(programme.total_hundredths),
        "category_credits": {name: decimal_text(each) for name, each in (programme.category_hundredths or {}).items()},
        "attributes": dict(programme.attributes or {}),
        "courses": [_course_document(course) for course in programme.courses],
    }
    return {name: value for name, value in fields.items() if value}


def _course_document(course: Course) -> dict[str, str]:
    fields = {
        "code": course.code,
        "title": course.title,
        "credits": decimal_text(course.credit_hundredths),
        "category": course.category,
    }
    return {name: value for name, value in fields.items() if value is not None}
