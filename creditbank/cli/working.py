"""The command that runs the worker, beside the server or on a machine of its own."""

import multiprocessing
import os
import signal
import sys
from threading import Event, Thread
from types import FrameType

import click

from creditbank.api.outcomes import read_record
from creditbank.cli.console import bank
from creditbank.config import Settings, settings_from_environment
from creditbank.core.lanes import LANES
from creditbank.couriers import Couriers
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.opening import calm_collector, check_for_production, configure_logging, log_of
from creditbank.services import delivering, sealing
from creditbank.worker import Job, event_jobs_of, import_job_of, jobs_of, ran, work

POOL_SIZE_MIN = 8
"""Connections of the worker's own: couriers need one for moments only, but one that seals keeps it for seconds."""


@click.command()
@click.option("--once", is_flag=True, help="Do what there is to do and end.")
@click.option("--find-missed", is_flag=True, help="First look through the whole ledger for entries that don't wait.")
@click.option("--importers", type=click.IntRange(0), help="Processes beside it that only import; one on two cores.")
def worker(once: bool, find_missed: bool, importers: int | None) -> None:  # noqa: FBT001 - click's own way
    """Seal what was posted and import files, until stopped. There may be several: one of them seals, all import."""
    jobs = _jobs()
    if find_missed:
        click.echo(f"{sealing.find_missed(log_of(settings_from_environment(), bank()))} entries were missed.")
    if once:
        went_well = [ran(job) for job in [*jobs, *_events_once()]]
        sys.exit(0 if all(went_well) else 1)
    start_importers(settings_from_environment(), importers)
    _work(jobs, _stop())


def work_beside(parent: int) -> None:
    """Run the worker as long as the server that started it is there."""
    _work(_jobs(), _stop(), parent)


def start_importers(settings: Settings, count: int | None = None) -> None:
    """Start processes that only import, as long as this one is there: so many as share a file's rows with a worker.

    On one core they would gain nothing, and SQLite has one writer.
    """
    if count is None:
        is_alone = settings.database_url.startswith("sqlite") or (os.cpu_count() or 1) == 1
        count = 0 if is_alone else LANES - 1
    for _ in range(count):
        context = multiprocessing.get_context("spawn")  # nothing of this process: neither connections nor signals
        context.Process(target=import_beside, args=(os.getpid(),), daemon=True).start()


def import_beside(parent: int) -> None:
    """Import files as long as the process that started this one is there."""
    configure_logging(settings_from_environment().log_format)
    job = import_job_of(bank(), read_record)
    calm_collector()
    work([job], _stop(), parent)


def _work(jobs: list[Job], stop: Event, parent: int | None = None) -> None:
    """Run jobs, and those of events in a thread beside them."""
    couriers = Couriers(bank(POOL_SIZE_MIN), _sender())
    beside = Thread(target=work, args=(event_jobs_of(couriers.bank, couriers), stop, parent), name="events")
    beside.start()
    work(jobs, stop, parent)
    stop.set()
    beside.join()
    couriers.stop()


def _events_once() -> list[Job]:
    """Return the jobs of events for who waits until all is sent."""
    opened = bank()
    couriers = Couriers(opened, _sender())
    jobs = [job for job in event_jobs_of(opened, couriers) if job.run != couriers.send_out]
    return [*jobs, Job("webhooks", 0, lambda: delivering.deliver_all(opened, _sender()))]


def _sender() -> WebhookSender:
    return WebhookSender(settings_from_environment().webhooks_private)


def _jobs() -> list[Job]:
    """Return the jobs of the bank of the environment."""
    settings = settings_from_environment()
    configure_logging(settings.log_format)
    check_for_production(settings)
    jobs = jobs_of(log_of(settings, bank()), settings.seal_seconds, read_record)
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
