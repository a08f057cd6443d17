"""The long drills: `python -m tests.drills`. Rounds with a seed each are summed in a table and in var/drills.jsonl."""

import argparse
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

from tests.drills.drilling import Outcome
from tests.drills.hardships import Skipped
from tests.drills.scenes import SCENES, Stage

RECORD = Path("var") / "drills.jsonl"

ROUND_OPERATIONS = 40_000
"""Operations of one round, which has a database of its own: what is known of them fits easily in memory."""

FINDINGS_SHOWN = 20


@dataclass
class Total:
    """All rounds together."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    seconds: float = 0
    rounds: int = 0

    def add(self, document: dict[str, object]) -> None:
        """Add a round."""
        for name, value in document.items():
            if isinstance(value, dict):
                self.counts.setdefault(name, Counter()).update(value)
        self.seconds += float(str(document["seconds"]))
        self.rounds += 1

    def sum(self, name: str) -> int:
        """Return how many there were of a kind."""
        return self.counts.get(name, Counter()).total()


def main() -> int:
    """Run the drills that are asked for and return how many rounds went wrong."""
    asked = _arguments()
    if asked.sum:
        total = Total()
        for line in RECORD.read_text("utf-8").splitlines():
            total.add(json.loads(line))
        _print_table(total)
        return total.sum("found")
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # connections that the drill cuts are no news
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are stopped and files thrown away
    total, wrong = Total(), 0
    for name in asked.scene or SCENES:
        rounds = max(1, round(asked.operations / ROUND_OPERATIONS)) if name == "postgresql" else 1
        print(f"{name}: seed {asked.seed}, {rounds} rounds", flush=True)
        with ExitStack() as stack:
            folder = Path(tempfile.mkdtemp(prefix="creditbank-drills-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            try:
                with _quiet():
                    stage = SCENES[name](folder, stack)
            except Skipped as reason:
                print(f"  skipped: {reason}", flush=True)
                continue
            for number in range(rounds):
                wrong += _round(stage, (asked.seed + number, rounds), asked, total)
                if asked.seconds and total.seconds > asked.seconds:
                    break
    _print_table(total)
    return wrong


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000, help="acknowledged ones, of all rounds")
    parser.add_argument("--faults", type=int, default=2_000, help="of all rounds on PostgreSQL")
    parser.add_argument("--seconds", type=int, default=0, help="begin no round after so many")
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("DRILL_SEED") or SystemRandom().randrange(10**6))
    )
    parser.add_argument("--scene", action="append", choices=sorted(SCENES), help="one or more; all if left out")
    parser.add_argument("--sum", action="store_true", help="run nothing, print the table of all rounds that are kept")
    return parser.parse_args()


def _round(stage: Stage, place: tuple[int, int], asked: argparse.Namespace, total: Total) -> bool:
    """Run a round, print and keep what came of it, and tell whether anything was wrong."""
    seed, rounds = place
    aims = {"operations_min": asked.operations // rounds, "faults_min": asked.faults // rounds}
    began = time.monotonic()
    with _quiet():
        outcome = stage.run(seed, **aims)
    document = _document(stage.name, outcome, time.monotonic() - began)
    total.add(document)
    RECORD.parent.mkdir(exist_ok=True)
    with RECORD.open("a", encoding="utf-8") as record:
        record.write(json.dumps(document, ensure_ascii=False) + "\n")
    journal = outcome.journal
    print(
        f"  seed {seed}: {journal.acknowledged} acknowledged, {journal.read.total()} reads, {outcome.faults.total()}"
        f" faults, {document['seconds']} s; found: {dict(journal.found) or 'nothing'}"
        f"{''.join(f'; short of what it was to see: {one}' for one in outcome.shortfalls)}",
        flush=True,
    )
    for finding in journal.findings[:FINDINGS_SHOWN]:
        print(f"    {finding.check}: {finding.text}", flush=True)
    return bool(journal.found or outcome.shortfalls)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the log lines of the bank in this process off the screen; the servers write none."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _document(scene: str, outcome: Outcome, seconds: float) -> dict[str, object]:
    """Return what is kept of a round."""
    journal = outcome.journal
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "scene": scene,
        "seed": outcome.plan.seed,
        "seconds": round(seconds, 1),
        "acknowledged": journal.done,
        "refused": journal.refused,
        "read": journal.read,
        "replayed": journal.replayed,
        "tries": journal.tries,
        "faults": outcome.faults,
        "missed": outcome.misses,
        "entries": outcome.entries,
        "left in doubt, then repeated": outcome.doubtful,
        "found": journal.found,
        "short": outcome.shortfalls,
    }


def _print_table(total: Total) -> None:
    """Print what all rounds saw."""
    print(f"\n{total.rounds} rounds, {total.seconds:.0f} s")
    for name, title in (
        ("acknowledged", "acknowledged operations"),
        ("refused", "refused"),
        ("replayed", "repeats answered alike"),
        ("read", "reads that saw what was acknowledged"),
        ("tries", "requests sent"),
        ("faults", "faults"),
    ):
        print(f"\n{title:36} {total.sum(name):>9}")
        for kind, count in sorted(total.counts.get(name, Counter()).items(), key=lambda item: -item[1]):
            print(f"  {kind:34} {count:>9}")
    found = total.counts.get("found", Counter())
    print(f"\nlost {found['lost']}, doubled {found['doubled']}, ghosts {found['ghost']}")
    others = {kind: count for kind, count in found.items() if kind not in ("lost", "doubled", "ghost")}
    print(f"other findings: {others or 'none'}", flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
