"""Whether the bank may be run as it is set up: everything that is wrong or dangerous, said at once."""

from collections.abc import Mapping

from creditbank.config import Settings
from creditbank.services import health
from creditbank.services.bank import Bank
from creditbank.soundness.files import file_concerns
from creditbank.soundness.values import Concern, Weight, environment_concerns, value_concerns


def concerns_of(settings: Settings, environment: Mapping[str, str]) -> list[Concern]:
    """Return what there is to say about settings, and about the variables that they were read from."""
    return [
        *environment_concerns(environment),
        *value_concerns(settings),
        *file_concerns(settings, environment),
    ]


def concerns_in_database(bank: Bank) -> list[Concern]:
    """Return what is dangerous in the database itself: clients of the demonstration, whose secrets lie in a file."""
    if not health.has_demonstration(bank):
        return []
    zh = "其中有演示用的客户端，密钥写在 demo.json 中；请用 creditbank client deactivate 停用，或换用新的数据库。"
    en = (
        "It holds the demonstration's clients, whose secrets stand in demo.json; end them by creditbank client"
        " deactivate, or begin with another database."
    )
    return [Concern("CREDITBANK_DATABASE_URL", Weight.DANGEROUS, zh, en)]
