"""The worker: jobs that nobody asks for by a request, each run again and again, one after the other."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

import structlog

from creditbank.gateways import metrics
from creditbank.gateways.keyring import KeyringUnusable
from creditbank.services import automatic_awards, credential_following, sealing
from creditbank.services.sealing import Log

log = structlog.get_logger()

FOLLOW_SECONDS = 60
"""After how long credentials are compared with their sources again; whoever changes one ends them at once."""

AWARD_SECONDS = 5
"""After how long automatic awards are looked for again; what is there is left alone for a minute anyway."""

LOOK_SECONDS = 0.5
"""Between two looks whether the process that started this one is still there."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done over and over, with a pause after each time; it returns how much it did."""

    name: str
    pause_seconds: float
    run: Callable[[], int]


def jobs_of(sealed: Log, seal_seconds: float) -> list[Job]:
    """Return all jobs of a bank."""
    return [
        Job("seal", seal_seconds, lambda: sealing.seal(sealed)),
        Job("awards", AWARD_SECONDS, lambda: automatic_awards.give_unasked(sealed.bank)),
        Job("credentials", FOLLOW_SECONDS, lambda: credential_following.look_again(sealed.bank)),
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
    if done:
        log.info("job_done", job=job.name, done=done)
    return True
