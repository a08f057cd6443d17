"""One drill: a bank on a database, its server between two proxies, clients, faults, and what came of them."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread
from uuid import UUID

from sqlalchemy import select

from creditbank.services.access import client_token, learner_token
from creditbank.services.bank import Bank
from creditbank.storage.learners import learner
from tests.builders import INSTITUTION_SCOPES, House, copied_house
from tests.drills import checking
from tests.drills.asking import Caller, NoAnswerError
from tests.drills.cluster import Cluster
from tests.drills.crowd import Client, Crowd
from tests.drills.faults import Fault, Scene
from tests.drills.journal import Journal
from tests.drills.owner import ACCEPTOR, Owner
from tests.drills.proxy import Proxy
from tests.drills.serving import BASE_URL, Server, environment
from tests.services.test_conversion_races import ONE_STEP, small_house

HTTP_EFFECTS = (b"POST /v1", b"PUT /v1")
COMMIT = (b"COMMIT",)

LEARNERS = 6
"""Shared accounts, unless a drill wants more: so few that clients meet on the same ones all the time."""

FINISH_SECONDS = 150
"""How long clients may take to finish what they began: somewhat longer than their patience."""


@dataclass(frozen=True)
class Plan:
    """A drill: its seed, who takes part, which faults are drawn how often, and what it has to see."""

    seed: int
    faults: Mapping[Fault, int]
    operations_min: int
    faults_min: int
    reads_min: int = 0
    seconds_max: float = 3600
    application: str = ""
    crowds: int = 2
    owners: int = 2
    sizes: tuple[int, ...] = (1, 1, 2, 5, 20)
    learners: int = LEARNERS
    pace_seconds: tuple[float, float] = (0.1, 0.6)
    """How long the servers are left alone between two faults."""
    has_each_once: bool = False
    """Whether every fault is made once before any is drawn."""
    workers: int = 2
    stops_at: frozenset[str] = frozenset()
    """Checks of which a finding ends the drill, where a defect is looked for."""
    patience_seconds: float = 120
    rest_seconds: float = 0
    """How long clients wait before each request, where others need the machine, too."""


@dataclass
class Outcome:
    """What came of a drill."""

    plan: Plan
    journal: Journal
    faults: Counter[str] = field(default_factory=Counter)
    misses: Counter[str] = field(default_factory=Counter)
    """Faults that met nothing, which count for nothing."""
    doubtful: int = 0
    """Records without an answer when the clients were done: none or one of each was there, then they were repeated."""
    entries: int = 0
    seconds: float = 0

    @property
    def shortfalls(self) -> list[str]:
        """Return what the drill should have seen and didn't."""
        seen = (
            ("operations", self.journal.acknowledged, self.plan.operations_min),
            ("faults", self.faults.total(), self.plan.faults_min),
            ("reads", self.journal.read.total(), self.plan.reads_min),
        )
        return [f"{count} {name} of {least}" for name, count, least in seen if count < least]


def template(url: str, folder: Path, learners: int = LEARNERS) -> None:
    """Make the bank that drills begin with: rules, a programme, institutions, and learners whom the issuer knows."""
    house = small_house(url, folder)
    house.clock.now = datetime.now(UTC)
    house.publish_rules(ONE_STEP)
    house.publish_programme(ACCEPTOR)
    for _ in range(learners):
        house.open_learner()
    house.bank.database.close()


def drill(plan: Plan, url: str, folder: Path, cluster: Cluster | None = None, **more: object) -> Outcome:
    """Run a drill on the bank in a database, whose keys are in the folder; `more` completes its scene."""
    house = copied_house(url, folder)
    house.clock.now = datetime.now(UTC)
    with house.bank.database.reading() as connection:
        opened = connection.execute(select(learner.c.id).order_by(learner.c.id).limit(plan.learners)).scalars()
        learners = [str(learner_id) for learner_id in opened]
    server = Server(plan.application, {}, workers=plan.workers)
    scene = replace(Scene(server, Proxy(lambda: server.port, HTTP_EFFECTS), cluster), **more)  # type: ignore[arg-type]
    if cluster is not None:
        scene.back = Proxy(lambda: cluster.port, COMMIT)
        scene.back.start()
        url = cluster.url(house.bank.database.url.database or "", scene.back.port)
    scene.front.start()
    server.environment = environment(url, folder / "keyring.json") | _clock_variable(scene)
    bank = replace(house.bank, clock=lambda: datetime.now(UTC) + shift(scene.clock))
    outcome = Outcome(plan, Journal())
    try:
        server.start()
        clients = _clients(outcome, scene, (house, bank), learners)
        _run(outcome, scene, clients)
        bank.database.close()  # its connections died with everybody else's
        outcome.doubtful = checking.compare_doubtful(bank, outcome.journal)
        _settle(outcome, clients)
        checking.compare(bank, outcome.journal)
        outcome.entries = checking.audit(bank, outcome.journal)
    finally:
        server.kill()
        scene.front.close()
        if scene.back is not None:
            scene.back.close()
        bank.database.close()
    return outcome


def shift(clock: Path | None) -> timedelta:
    """Return by how much the bank's clock is wrong."""
    return timedelta(seconds=int(clock.read_text("utf-8"))) if clock is not None and clock.exists() else timedelta()


def _clock_variable(scene: Scene) -> dict[str, str]:
    return {} if scene.clock is None else {"DRILL_CLOCK": str(scene.clock)}


def _clients(outcome: Outcome, scene: Scene, banks: tuple[House, Bank], learners: list[str]) -> list[Client]:
    """Return the clients, each with its own chance and its own connection."""
    house, bank = banks
    plan, journal, stop = outcome.plan, outcome.journal, Event()
    issuer = house.client("cqdx", *INSTITUTION_SCOPES)
    reviewer = house.client(ACCEPTOR, "conversions:review")

    def token(who: str) -> str:
        if who.startswith("learner:"):
            return learner_token(bank, BASE_URL, UUID(who.removeprefix("learner:")))
        if who == ACCEPTOR:
            return client_token(bank, BASE_URL, reviewer, ("conversions:review",))
        return client_token(bank, BASE_URL, issuer, INSTITUTION_SCOPES)

    def common(name: str, number: int) -> tuple[str, Random, Caller, Journal, Event]:
        manners = {"patience_seconds": plan.patience_seconds, "rest_seconds": plan.rest_seconds}
        caller = Caller(lambda: scene.front.port, token, journal, **manners)
        return name, Random(plan.seed * 1000 + number), caller, journal, stop  # noqa: S311 - no secrets

    crowds = [Crowd(*common(f"crowd{n}", n), learners, plan.sizes) for n in range(plan.crowds)]
    owners = [Owner(*common(f"owner{n}", 100 + n), 1_000_000 * (n + 1)) for n in range(plan.owners)]
    return [*crowds, *owners]


def _run(outcome: Outcome, scene: Scene, clients: list[Client]) -> None:
    """Let the clients work while faults are made, until enough was seen; then let them finish in peace."""
    threads = [Thread(target=client.run, name=client.name, daemon=True) for client in clients]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    try:
        _make_faults(outcome, scene, began, threads)
    finally:
        for client in clients:
            client.stop.set()
        scene.server.revive()
        for thread in threads:
            thread.join(FINISH_SECONDS)
    assert not any(thread.is_alive() for thread in threads), "a client doesn't end"
    outcome.seconds = time.monotonic() - began


def _settle(outcome: Outcome, clients: list[Client]) -> None:
    """Let clients send again, in peace, what they left without an answer."""
    for client in clients:
        if isinstance(client, Crowd):
            try:
                client.settle()
            except NoAnswerError as unanswered:
                outcome.journal.find("unresolved", f"{client.name}: {unanswered}")
            finally:
                client.caller.close()


def _make_faults(outcome: Outcome, scene: Scene, began: float, threads: list[Thread]) -> None:
    """Make faults, one after another, until enough was seen or time is up or nobody works any more."""
    plan, random = outcome.plan, Random(outcome.plan.seed)  # noqa: S311 - moments, no secrets
    drawn, weights = list(plan.faults), list(plan.faults.values())
    first = random.sample(drawn, len(drawn)) if plan.has_each_once else []
    while time.monotonic() - began < plan.seconds_max and any(thread.is_alive() for thread in threads):
        if (not outcome.shortfalls and not first) or plan.stops_at & set(outcome.journal.found):
            return
        time.sleep(random.uniform(*plan.pace_seconds))
        if not drawn:
            continue
        fault = first.pop() if first else random.choices(drawn, weights)[0]
        name = fault.__name__
        if fault(scene, random):
            outcome.faults[name] += 1
        else:
            outcome.misses[name] += 1
        scene.server.revive()
