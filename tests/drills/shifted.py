"""The bank with a clock that a drill can set wrong, as an operator's machine may be: the rest is as it is served."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from creditbank.app import create_app
from creditbank.config import settings_from_environment
from creditbank.opening import create_bank
from tests.drills.drilling import shift


def create_shifted_app() -> Flask:
    """Return the application of the environment, whose clock is wrong by what DRILL_CLOCK's file says."""
    settings, file = settings_from_environment(), Path(os.environ["DRILL_CLOCK"])
    bank = replace(create_bank(settings), clock=lambda: datetime.now(UTC) + shift(file))
    return create_app(settings, bank)
