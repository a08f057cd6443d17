"""What the documents show is what the bank does."""

from pathlib import Path

from tests.house.transcripts import PAGES, demo_runner, masked, steps

STEPS_MIN = 20
"""So many steps there are at least: a page whose blocks are not found would pass unseen."""


def test_every_transcript_comes_out_as_it_is_shown(tmp_path: Path) -> None:
    runner, count = demo_runner(tmp_path), 0
    for page in PAGES:
        for step in steps(page.read_text("utf-8")):
            printed = runner.run(step)
            assert masked(printed) == masked(step.shown), f"{page.name}: {step.command}"
            count += 1
    assert count >= STEPS_MIN
