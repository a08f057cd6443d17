"""The command that runs the worker, beside the server or on a machine of its own."""

import signal
import sys
from threading import Event
from types import FrameType

import click

from creditbank.app import calm_collector, check_for_production, configure_logging, log_of
from creditbank.cli.console import bank
from creditbank.config import settings_from_environment
from creditbank.services import sealing
from creditbank.worker import Job, jobs_of, ran, work


@click.command()
@click.option("--once", is_flag=True, help="Do what there is to do and end.")
@click.option("--find-missed", is_flag=True, help="First look through the whole ledger for entries that don't wait.")
def worker(once: bool, find_missed: bool) -> None:  # noqa: FBT001 - click's own way
    """Seal what was posted, until stopped. More than one does no harm: one of them seals."""
    jobs = _jobs()
    if find_missed:
        click.echo(f"{sealing.find_missed(log_of(settings_from_environment(), bank()))} entries were missed.")
    if once:
        went_well = [ran(job) for job in jobs]
        sys.exit(0 if all(went_well) else 1)
    work(jobs, _stop())


def work_beside(parent: int) -> None:
    """Run the worker as long as the server that started it is there."""
    work(_jobs(), _stop(), parent)


def _jobs() -> list[Job]:
    """Return the jobs of the bank of the environment."""
    settings = settings_from_environment()
    configure_logging(settings.log_format)
    check_for_production(settings)
    jobs = jobs_of(log_of(settings, bank()), settings.seal_seconds)
    calm_collector()
    return jobs


def _stop() -> Event:
    """Return what is set when the process is asked to end."""
    stop = Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, asked)
    return stop
