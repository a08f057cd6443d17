"""Documents of ELMO to test with."""

from creditbank.formats.elmo import NAMESPACE

HEAD = f'<elmo xmlns="{NAMESPACE}"><generatedDate>2026-01-01T00:00:00Z</generatedDate>'
LEARNER = "<learner><givenNames>W</givenNames><familyName>R</familyName></learner>"
ISSUER = '<issuer><identifier type="x">1</identifier><title>U</title><url>https://u.test</url></issuer>'


def document(courses: str = "", learner: str = LEARNER, head: str = HEAD) -> bytes:
    """Return a document with courses."""
    issued = "<issueDate>2026-01-01T00:00:00Z</issueDate>"
    return f"{head}{learner}<report>{ISSUER}{courses}{issued}</report></elmo>".encode()


def course(instance: str = "", parts: str = "", title: str = "<title>T</title>") -> str:
    """Return a course with what the learner did and its parts."""
    taken = f"<specifies><learningOpportunityInstance>{instance}</learningOpportunityInstance></specifies>"
    inside = f"<hasPart>{parts}</hasPart>" if parts else ""
    return f"<learningOpportunitySpecification>{title}{taken}{inside}</learningOpportunitySpecification>"


def credit(value: str, scheme: str = "ECTS") -> str:
    """Return a credit."""
    return f"<credit><scheme>{scheme}</scheme><value>{value}</value></credit>"
