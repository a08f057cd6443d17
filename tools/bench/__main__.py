"""Measure and print one table: `python -m tools.bench [--only NAME] [--seconds S] [--rounds R]`."""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from types import ModuleType

from tools.bench import assignment, evaluation, inside, issuing, peers, raw, scene, serving, verifying
from tools.bench.scene import Figures, Scene

MEASURED: dict[str, ModuleType] = {"serving": serving, "raw": raw, "inside": inside, "peers": peers}
"""What is measured in rounds on one scene, by the name under which it can be asked for alone."""

VERIFIED_ENTRIES = 200_000
"""Of `make bench`; its long form is the verifier's own command."""

ALONE: dict[str, Callable[[], str]] = {
    "rules": evaluation.report,
    "assignment": assignment.report,
    "issuing": issuing.report,
    "verifier": lambda: verifying.report(VERIFIED_ENTRIES),
}
"""What is measured by itself."""


def main() -> None:
    """Measure in rounds, one after the other, and print medians with their ratios."""
    names = [*MEASURED, *ALONE]
    parser = argparse.ArgumentParser(description="Benchmark of the bank beside its limits and its peers")
    parser.add_argument("--only", action="append", choices=names, help="one part; may be given several times")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    wanted = asked.only or names
    told = []
    for part in _parts(wanted, asked):
        print(f"{part}\n", flush=True)
        told.append(part)
    Path("var").mkdir(exist_ok=True)
    Path("var/bench.md").write_text("\n\n".join(told) + "\n", "utf-8")


def _parts(wanted: list[str], asked: argparse.Namespace) -> Iterator[str]:
    """Measure and yield one part after the other."""
    yield from _on_one_scene(wanted, asked)
    for name, report in ALONE.items():
        if name in wanted:
            yield report()


def _on_one_scene(wanted: list[str], asked: argparse.Namespace) -> Iterator[str]:
    """Measure what needs the scene, its parts by turns in each round, and yield the table."""
    parts = [module for name, module in MEASURED.items() if name in wanted]
    if not parts:
        return
    with tempfile.TemporaryDirectory() as name, scene.opened(Path(name)) as opened:
        rounds = [_round(opened, parts, asked.seconds) for _ in range(asked.rounds)]
        machine = scene.machine(opened.server, asked)
    figures = {name: median(one[name] for one in rounds) for name in rounds[0]}
    yield "\n".join(["| what | a second | beside | ratio |", "|---|---:|---|---:|", *_lines(figures), "", machine])


def _round(opened: Scene, parts: list[ModuleType], seconds: float) -> Figures:
    figures: Figures = {}
    for part in parts:
        figures |= part.round_of(opened, seconds)
    return figures


def _lines(figures: Figures) -> list[str]:
    """Return the rows of the table, those that put parts beside each other last."""
    told = serving.lines(figures) if "hello world" in figures else []
    told += raw.lines(figures) if "raw one statement" in figures else []
    if "thin post" in figures and "raw one statement" in figures:
        told.append(_beside(figures, "thin post", "raw one statement"))
    if "single post inside" in figures:
        told += inside.lines(figures)
    return told + peers.lines(figures)


def _beside(figures: Figures, name: str, limit: str) -> str:
    return f"| {name} | {figures[name]:,.0f} | {limit} | {figures[name] / figures[limit]:.0%} |"


if __name__ == "__main__":
    main()
