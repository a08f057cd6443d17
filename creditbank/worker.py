"""The worker: jobs that nobody asks for by a request, each run again and again, one after the other."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from uuid import uuid4

import structlog

from creditbank.couriers import Couriers
from creditbank.gateways import metrics
from creditbank.gateways.keyring import KeyringUnusable
from creditbank.services import automatic_awards, credential_following, import_posting, imports, numbering, sealing
from creditbank.services.bank import Bank
from creditbank.services.import_answers import RecordReader
from creditbank.services.import_posting import Desk
from creditbank.services.sealing import Log

log = structlog.get_logger()

FOLLOW_SECONDS = 60
"""After how long credentials are compared with their sources again; whoever changes one ends them at once."""

AWARD_SECONDS = 5
"""After how long automatic awards are looked for again; what is there is left alone for a minute anyway."""

IMPORT_SECONDS = 0.5
"""After how long imports are looked for again: whoever sent a file watches it."""

IMPORT_TURN_SECONDS = 10
"""How long imports are worked on before other jobs have their turn: a reading of a large file may take longer."""

FORGET_SECONDS = 3600
"""After how long it is looked again for what is kept for a while: answers to files, and events."""

REJECTED_KEPT = timedelta(days=30)
"""How long answers to the rows of a file are kept, rejected rows among them."""

UNSENT_KEPT = timedelta(hours=6)
"""How long a file may take to be sent."""

NUMBER_SECONDS = 0.5
"""After how long events are numbered again: who waits for them waits so long more."""

DELIVER_SECONDS = 0.25
"""After how long it is looked again for webhooks that nobody serves."""

LOOK_SECONDS = 0.5
"""Between two looks whether the process that started this one is still there."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done over and over, with a pause after each time; it returns how much it did."""

    name: str
    pause_seconds: float
    run: Callable[[], int]
    is_told: bool = True
    """Whether a line of the log says what was done."""


def jobs_of(sealed: Log, seal_seconds: float, read: RecordReader) -> list[Job]:
    """Return all jobs of a bank; `read` makes records of documents, as the API does."""
    return [
        Job("seal", seal_seconds, lambda: sealing.seal(sealed)),
        Job("awards", AWARD_SECONDS, lambda: automatic_awards.give_unasked(sealed.bank)),
        Job("credentials", FOLLOW_SECONDS, lambda: credential_following.look_again(sealed.bank)),
        import_job_of(sealed.bank, read),
        Job("forget", FORGET_SECONDS, lambda: imports.forget_old(sealed.bank, REJECTED_KEPT, UNSENT_KEPT)),
    ]


def import_job_of(bank: Bank, read: RecordReader) -> Job:
    """Return the job that imports files; `read` makes records of documents, as the API does."""
    desk = Desk(bank, f"{os.uname().nodename[:20]}:{uuid4()}", read)
    return Job("imports", IMPORT_SECONDS, lambda: import_posting.work_on_one(desk, IMPORT_TURN_SECONDS))


def event_jobs_of(bank: Bank, couriers: Couriers) -> list[Job]:
    """Return the jobs that pass events on; they run beside the others, so that no sealing holds them up."""
    return [
        Job("events", NUMBER_SECONDS, lambda: numbering.number(bank)),
        Job("replays", NUMBER_SECONDS, lambda: numbering.replay(bank)),
        Job("webhooks", DELIVER_SECONDS, couriers.send_out, is_told=False),
        Job("old_events", FORGET_SECONDS, lambda: numbering.prune(bank)),
    ]


def work(jobs: Sequence[Job], stop: Event, parent: int | None = None) -> None:
    """Run jobs until it is time to stop, or until the process `parent` isn't this one's parent any more.

    What is begun is finished first; a job that fails is logged and tried again after its pause.
    """
    due = dict.fromkeys(jobs, time.monotonic())
    while not stop.is_set() and parent in (None, os.getppid()):
        for job in jobs:
            if due[job] <= time.monotonic() and not stop.is_set():
                ran(job)
                due[job] = time.monotonic() + job.pause_seconds
        left = min(due.values()) - time.monotonic()
        stop.wait(max(0, left if parent is None else min(left, LOOK_SECONDS)))


def ran(job: Job) -> bool:
    """Run a job once and tell whether it went well; whatever goes wrong is logged, as the others have to go on."""
    try:
        done = job.run()
    except KeyringUnusable as unusable:
        metrics.jobs_total.labels(job.name, "failed").inc()
        log.error("job_failed", job=job.name, reason=str(unusable))  # noqa: TRY400 - a trace would say no more
        return False
    except Exception:
        metrics.jobs_total.labels(job.name, "failed").inc()
        log.exception("job_failed", job=job.name)
        return False
    metrics.jobs_total.labels(job.name, "done" if done else "idle").inc()
    if done and job.is_told:
        log.info("job_done", job=job.name, done=done)
    return True
