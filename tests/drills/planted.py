"""Which defects are planted, under which faults a drill of some seconds catches each, and by which check."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.drills.drilling import Plan
from tests.drills.faults import (
    Fault,
    cut_commit,
    cut_reply,
    stop_database,
    terminate_all,
)

NOTHING: Mapping[Fault, int] = {}


@dataclass(frozen=True)
class Planted:
    """A defect: its application, the faults that bring it out, and the checks of which at least one has to see it."""

    application: str
    checks: frozenset[str]
    faults: Mapping[Fault, int] = field(default_factory=dict)
    operations_min: int = 150
    faults_min: int = 0
    owners: int = 2
    crowds: int = 2
    learners: int = 3
    patience_seconds: float = 8
    constraints: tuple[tuple[str, str], ...] = ()
    """Tables and constraints that are dropped first, as they would catch the defect before anybody is wrong."""

    @property
    def name(self) -> str:
        """The defect in short."""
        return self.application.partition(":")[2]

    def plan(self, seed: int, application: str) -> Plan:
        """Return the drill that brings it out, on an application: that with the defect, or the sound one."""
        return Plan(
            seed,
            self.faults,
            self.operations_min,
            self.faults_min,
            seconds_max=SECONDS_MAX if application else SOUND_SECONDS_MAX,
            application=application,
            crowds=self.crowds,
            owners=self.owners,
            learners=self.learners,
            pace_seconds=(0.05, 0.3),
            workers=1,
            stops_at=self.checks if application else frozenset(),
            patience_seconds=self.patience_seconds if application else SOUND_PATIENCE_SECONDS,
        )


SECONDS_MAX = 60
SOUND_SECONDS_MAX = 300
SOUND_PATIENCE_SECONDS = 60
"""Of clients of the sound bank; those of one with a defect may never be answered, and soon give up."""

CUTS: Mapping[Fault, int] = {cut_commit: 1}
ENDS: Mapping[Fault, int] = {terminate_all: 1}


def _planted(name: str, *checks: str, **more: object) -> Planted:
    return Planted(f"tests.drills.defects:{name}", frozenset(checks), **more)  # type: ignore[arg-type]


def _unguarded(name: str, *checks: str, **more: object) -> Planted:
    return Planted(f"tests.drills.unguarded:{name}", frozenset(checks), **more)  # type: ignore[arg-type]


DEFECTS = (
    _planted("no_key", "replay", crowds=0, operations_min=40),
    _unguarded(
        "no_lock",
        "ledger",
        "own_writes",
        owners=0,
        crowds=4,
        learners=1,
        constraints=(("entry", "pk_entry"), ("unsealed_entry", "pk_unsealed_entry")),
    ),
    _planted(
        "half_commit",
        "half",
        "lost",
        faults=ENDS,
        faults_min=6,
        owners=0,
        crowds=3,
        operations_min=40,
        patience_seconds=3,
    ),
    _planted("late_idempotency", "doubled", faults=ENDS, faults_min=10, owners=0, crowds=4),
    _planted("no_sync", "lost", faults={stop_database: 1}, faults_min=3),
    _unguarded(
        "double_release",
        "own_writes",
        "doubled",
        crowds=0,
        operations_min=40,
        constraints=(("lot", "ck_lot_not_overspent"),),
    ),
    _planted("answer_before_commit", "own_writes", "lost", operations_min=60),
    _planted("doubling_retry", "doubled", faults=CUTS, faults_min=6, owners=0),
    _planted("lost_update", "ledger", "own_writes", owners=0, crowds=4, learners=1),
    _planted("dropped_row", "lost", "ids", owners=0),
    _planted("replay_with_effect", "ghost", owners=0, faults={cut_reply: 1}, faults_min=3),
    _planted("stale_reads", "own_writes", crowds=0, operations_min=40),
    _planted("swallowed_rollback", "lost", "ids", "own_writes", faults=ENDS, faults_min=8),
    _unguarded("effect_of_refused", "ghost", "own_writes", crowds=0, operations_min=40),
)
"""Fourteen, each in an application of its own."""
