"""A sound ledger is found sound by the verifier alone, from an export and from the database, and every law is checked."""

import ast
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from creditbank.cli import main
from creditbank.core.ledger import canonical_line
from creditbank.storage import ledger
from tests.builders import NAME_MARK
from tests.house.transcripts import ROOT
from tests.verifier.ledgers import Sealed, checked, checked_directly, export_of, sealed_ledger

VERIFIER = ROOT / "tools" / "verify_ledger.py"


@pytest.fixture
def sealed(database_url: str, tmp_path: Path) -> Iterator[Sealed]:
    """Give a sealed ledger in which everything happened."""
    made = sealed_ledger(database_url, tmp_path)
    yield made
    made.house.bank.database.close()


def test_a_sound_ledger_is_found_sound(sealed: Sealed) -> None:
    with sealed.house.bank.database.engine.connect() as connection:
        report = checked(export_of(connection), sealed.keys, sealed.kept)
    assert report.faults == []
    print(report)
    with sealed.house.bank.database.engine.connect() as connection:
        assert checked_directly(connection, sealed.keys, sealed.kept) == report
