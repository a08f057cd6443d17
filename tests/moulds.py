"""Banks that are made once and copied for one test after another, as making one anew takes longer than most tests."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import make_url

from tests.builders import SQLITE_FILE, House, copied_house
from tests.copies import Copies

Making = Callable[[str, Path], House]
"""What makes a bank on an empty database, with its keys in a folder."""


@dataclass
class Mould:
    """A bank that is there to be copied: where its files lie, and the numbers and tokens that its house gave out."""

    folder: Path
    number: int
    tokens: dict[tuple[str, str], str]

    def house_at(self, url: str, folder: Path) -> House:
        """Return the house of a copy of the bank's database, with its files copied to the folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        made = copied_house(url, folder)
        made.numbers, made.tokens = count(self.number), dict(self.tokens)
        return made


def _moulded(make: Making, url: str, folder: Path) -> Mould:
    made = make(url, folder)
    made.bank.database.close()
    return Mould(folder, next(made.numbers), made.tokens)


@dataclass
class Moulds:
    """Banks on SQLite. All copies have one address, so that SQLAlchemy compiles their statements once."""

    root: Path
    made: dict[Making, Mould] = field(default_factory=dict)

    def mould(self, make: Making) -> Mould:
        """Return the bank that is made in some way, which is made at the first call."""
        if make not in self.made:
            folder = self.root / f"{len(self.made)}-{make.__name__}"
            folder.mkdir()
            self.made[make] = _moulded(make, f"sqlite:///{folder / SQLITE_FILE}", folder)
        return self.made[make]

    @contextmanager
    def lent(self, make: Making, folder: Path) -> Iterator[House]:
        """Give a copy that lies in the folder."""
        mould = self.mould(make)
        here = self.root / "here"
        here.unlink(missing_ok=True)
        here.symlink_to(folder, target_is_directory=True)
        house = mould.house_at(f"sqlite:///{here / SQLITE_FILE}", folder)
        yield house
        house.bank.database.close()


@dataclass
class PostgresqlMoulds:
    """Banks on PostgreSQL, each with one copy whose rows are put back after every test."""

    root: Path
    database: Callable[[str], AbstractContextManager[str]]
    """Makes a database that is a copy of the named one, and drops it in the end."""
    kept: ExitStack
    made: dict[Making, tuple[Mould, str, Copies]] = field(default_factory=dict)

    @contextmanager
    def lent(self, make: Making, folder: Path, *, alone: bool) -> Iterator[House]:
        """Give the copy, or one of its own to a test that looks into files, where rows of other tests may still lie."""
        if make not in self.made:
            self.made[make] = self._made(make)
        mould, name, copies = self.made[make]
        with self.database(name) if alone else copies.lent() as url:
            house = mould.house_at(url, folder)
            yield house
            house.bank.database.close()

    def _made(self, make: Making) -> tuple[Mould, str, Copies]:
        folder = self.root / f"{len(self.made)}-{make.__name__}"
        folder.mkdir()
        url = self.kept.enter_context(self.database("template1"))
        mould = _moulded(make, url, folder)
        name = str(make_url(url).database)
        copies = Copies(lambda: self.database(name))
        self.kept.callback(copies.close)
        return mould, name, copies
