"""Credit schemes: the units that rule sets count in."""

from creditbank.core.credit import Scheme
from creditbank.core.errors import Conflict, Fault
from creditbank.core.permission import require
from creditbank.services.bank import Work
from creditbank.storage import schemes


def every_scheme(work: Work) -> list[Scheme]:
    """Return all schemes in code order; anybody with a token may read them."""
    return list(schemes.every(work.connection).values())


def add_scheme(work: Work, scheme: Scheme) -> tuple[Scheme, bool]:
    """Register a scheme and tell whether it is new. Refused: Conflict where its code stands for another unit."""
    require(work.actor, "rules:write", "admin")
    found = schemes.by_code(work.connection, scheme.code)
    if found is None:
        schemes.add(work.connection, scheme)
    elif found != scheme:
        zh = "此代码已用于另一学分体系；学分体系不可更改，请使用新的代码。"
        en = "This code stands for another scheme; schemes never change, use a new code."
        raise Conflict((Fault("/code", "differs", zh, en),))
    return scheme, found is None
