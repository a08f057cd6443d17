"""Every law of the ledger is checked for itself: hashes that are right excuse nothing."""

import base64
import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from creditbank.core.merkle import GrowingTree, leaf_hash
from tests.verifier.ledgers import checked
from tests.verifier.making import SCHEME, account_of, exported, named, report_on
from tools import verify_ledger
from tools.verify_ledger import LEAVES_AHEAD, Tree

SOUND = [
    *(("recognise", 300, "a"), ("recognise", 200, "b"), ("hold", -300, "a"), ("release", 300, "a")),
    *(("convert", -300, "a"), ("restore", 300, "a"), ("reverse", -300, "a"), ("recognise", 400, "c")),
]

UNREAD = {"form", "balance", "sums", "lot_used", "lot_unrecognised", "account_recorded_at"}
"""What follows where an entry can't be read: nothing that it did was done."""

BROKEN: dict[str, tuple[list[tuple[str, int, str]], dict[str, Any], set[str]]] = {
    "released twice": (
        [*SOUND[:4], ("release", 300, "a")],
        {},
        {"released_twice", "overdrawn", "lot_overspent"},
    ),
    "restored without a conversion": (
        [("recognise", 300, "a"), ("hold", -300, "a"), ("restore", 300, "a")],
        {},
        {"restored_twice", "overdrawn"},
    ),
    "a hold of another lot's credits": (
        [("recognise", 300, "a"), ("recognise", 300, "b"), ("hold", -400, "a")],
        {},
        {"lot_overspent"},
    ),
    "released from another lot than held": (
        [("recognise", 300, "a"), ("recognise", 300, "b"), ("hold", -300, "a"), ("release", 300, "b")],
        {},
        {"released_twice", "lot_overspent"},
    ),
    "a lot recognised twice": (
        [("recognise", 300, "a"), ("reverse", -300, "a"), ("recognise", 300, "a")],
        {},
        {"lot_recognised_twice"},
    ),
    "an outcome recognised while it is in force": (
        [("recognise", 300, "a"), ("recognise", 300, "b")],
        {"outcomes": {"a": "one", "b": "one"}},
        {"outcome_twice"},
    ),
    "a recognition with the sign of a reversal": (
        [("recognise", 300, "a"), ("recognise", -300, "a")],
        {},
        {"sign", "lot_recognised_twice", "lot_amount", "award", "outcome_twice"},
    ),
    "a hold against an issuer": ([*SOUND[:3]], {"lines": {3: {"counter": "issuance:cqdx"}}}, {"counter", "sums"}),
    "a hold against a held account of some name": ([*SOUND[:3]], {"lines": {3: {"counter": "held:x"}}}, {"counter"}),
    "a kind that there is not": ([*SOUND[:3]], {"lines": {3: {"kind": "gift"}}}, {"kind", "balance", "sums"}),
    "a lot that is not there": (
        [*SOUND[:2]],
        {"lines": {2: {"lot": named("none")}}},
        {"lot_unknown", "lot_used", "lot_unrecognised"},
    ),
    "an instant before the one before": (
        [*SOUND[:2]],
        {"lines": {2: {"recorded_at": "2026-07-01T03:00:00.000000Z"}}},
        {"recorded_at"},
    ),
    "a number left out": ([*SOUND[:3]], {"lines": {2: {"seq": 3}}}, {"seq"}),
    "a balance that doesn't follow": ([*SOUND[:2]], {"lines": {2: {"after": 600}}}, {"balance_after"}),
    "an id that stands there already": (
        [*SOUND[:2]],
        {"lines": {2: {"entry": named("learner entry 1")}}},
        {"entry_twice"},
    ),
    "a posting of two actors": (
        [*SOUND[:2]],
        {
            "lines": {
                2: {"posting": named("learner posting 1"), "recorded_at": "2026-07-01T04:00:01.000000Z", "actor": "x"}
            }
        },
        {"posting"},
    ),
    "a posting of kinds that don't go together": (
        [*SOUND[:3]],
        {"lines": {3: {"posting": named("learner posting 2"), "recorded_at": "2026-07-01T04:00:02.000000Z"}}},
        {"posting"},
    ),
    "an amount with a sign too many": ([*SOUND[:2]], {"lines": {2: {"amount": "+200"}}}, UNREAD),
    "an amount of nothing": ([*SOUND[:2]], {"lines": {2: {"amount": "0"}}}, UNREAD),
    "a balance stored too high": ([*SOUND[:2]], {"recognised_hundredths": 600}, {"balance", "sums"}),
    "a hold stored that nobody made": (
        [*SOUND[:2]],
        {"held_hundredths": 100, "available_hundredths": 400},
        {"balance", "sums"},
    ),
    "an entry more than there is": ([*SOUND[:2]], {"seq": 3}, {"account_seq"}),
    "another end of the chain": ([*SOUND[:2]], {"chain_hash": "00" * 32}, {"account_hash"}),
    "another last instant": ([*SOUND[:2]], {"recorded_at": None}, {"account_recorded_at"}),
    "more than an account may hold": (
        [("recognise", 9_999_999_999, "a"), ("recognise", 1, "b")],
        {},
        {"overdrawn"},
    ),
}


def test_what_the_bank_does_is_sound() -> None:
    report = report_on(account_of(SOUND), account_of(SOUND[:5], "other", outcomes={"a": "x", "b": "y"}))
    assert [str(fault) for fault in report.faults] == []
    assert (report.accounts, report.lots, report.entries, report.unsealed) == (2, 5, 13, 13)
    assert report.totals == {SCHEME: {"conversion:cqou": 300, "held": 0, "issuance:cqdx": -1100}}


@pytest.mark.parametrize("name", BROKEN)
def test_each_law_is_checked_for_itself(name: str) -> None:
    said, changes, codes = BROKEN[name]
    report = report_on(account_of(said, **changes))
    assert report.by_code.keys() == codes
    assert all(fault.learner == named("learner") for fault in report.faults if fault.code in codes - {"sums"})


LOTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "less used than was taken": ({"used_hundredths": 0}, {"lot_used"}),
    "more used than was taken": ({"used_hundredths": 250}, {"lot_used"}),
    "more used than it holds": ({"used_hundredths": 301}, {"lot_used", "lot_overspent"}),
    "more in it than was recognised": ({"amount_hundredths": 400}, {"lot_amount", "lot_used"}),
    "another outcome": ({"outcome": named("another")}, {"award"}),
    "a later last day": ({"valid_until": "2099-12-31"}, {"award"}),
    "no decision": ({"awarded": None}, {"award"}),
    "a lot that nobody recognised": ({"lot": named("another")}, {"lot_unknown", "lot_unrecognised", "lot_used"}),
}


@pytest.mark.parametrize("name", LOTS)
def test_a_lot_is_what_its_entries_and_its_decision_say(name: str) -> None:
    changes, codes = LOTS[name]
    lines = account_of([("recognise", 300, "a"), ("convert", -200, "a")])
    lines[1] |= changes
    assert report_on(lines).by_code.keys() == codes


@pytest.mark.parametrize("part", ["decision", "outcome", "credits", "scheme", "valid_until"])
def test_a_lot_is_what_was_awarded_in_every_part(part: str) -> None:
    lines = account_of([("recognise", 300, "a")])
    lines[1]["awarded"][part] = "2.99" if part == "credits" else "other"
    assert report_on(lines).by_code == {"award": 1}
    lines[1]["awarded"][part] = None if part != "valid_until" else 1
    assert report_on(lines).by_code == {"award": 1}


def test_a_lot_or_a_leaf_that_stands_there_twice_is_found() -> None:
    lines = account_of([("recognise", 300, "a"), ("recognise", 300, "b")])
    assert report_on([lines[0], lines[1], *lines[1:]]).by_code == {"lot_twice": 1}
    for line in lines[-2:]:
        line |= {"position": 0}
    assert checked(exported(lines, leaves=2)).by_code == {"leaf_twice": 1}
    lines[-1] |= {"position": 1}
    assert checked(exported(lines, leaves=2)).by_code == {}
    assert checked(exported(lines, leaves=1)).by_code == {"position": 1}


def test_an_outcome_in_force_in_two_schemes_is_found() -> None:
    one = account_of(SOUND[:1], outcomes={"a": "one"})
    other = json.loads(json.dumps(one).replace(SCHEME, "zz-other").replace(named("learner a"), named("learner z")))
    chain = hashlib.sha256(bytes(32) + other[2]["line"].encode()).hexdigest()
    other[2]["hash"] = other[0]["chain_hash"] = chain
    assert report_on([*one, *other]).by_code == {"outcome_twice": 1}


def test_accounts_come_in_order_and_once() -> None:
    first, second = sorted((account_of(SOUND), account_of(SOUND, "other")), key=lambda lines: lines[0]["learner"])
    assert checked(exported([*first, *second])).by_code == {}
    assert "order" in checked(exported([*second, *first])).by_code
    assert "order" in checked(exported([*first, *second, *first])).by_code
    assert "account_twice" in checked(exported([first[0], *first])).by_code


def test_the_sums_of_all_accounts_are_compared_with_the_counter_accounts() -> None:
    lines = account_of(SOUND)
    assert checked(exported(lines[:1] + lines[1:4])).by_code.keys() >= {"sums", "balance"}


SIZES = 70
"""Every shape of a tree with up to seven levels."""


def test_roots_are_those_of_the_tree_that_the_bank_keeps() -> None:
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(SIZES)]
    tree, grown = Tree(), GrowingTree()
    for number in Random(1).sample(range(SIZES), SIZES):  # noqa: S311 - no secret
        assert tree.put(number, leaves[number])
        assert not tree.put(number, leaves[number])
    assert tree.root(0) == grown.root == hashlib.sha256().digest()
    for size in range(1, SIZES + 1):
        grown.append(leaves[size - 1])
        assert tree.root(size) == grown.root, size
    assert verify_ledger.leaf_hash(b"line") == leaf_hash(b"line")


def test_a_position_far_beyond_fills_no_memory_and_is_named() -> None:
    tree = Tree()
    assert tree.put(0, b"x" * 32)
    assert tree.put(2**61, b"y" * 32)
    assert len(tree.leaves) == 32
    assert list(tree.settle()) == [2**61]
    far = Tree()
    assert far.put(LEAVES_AHEAD + 6, b"z" * 32)
    assert list(far.settle()) == [LEAVES_AHEAD + 6], "beyond as many leaves as there are, and some"
    lines = account_of(SOUND)
    lines[-1] |= {"position": 2**61, "leaf": None}
    report = checked(exported(lines, leaves=2**62))
    assert report.by_code["position"] == 1


def test_leaves_that_come_far_ahead_are_set_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_ledger, "LEAVES_AHEAD", 8)
    leaves = [hashlib.sha256(bytes([number])).digest() for number in range(100)]
    tree = Tree()
    for position in reversed(range(100)):
        assert tree.put(position, leaves[position])
    assert len(tree) < 100, "the first ones are kept aside"
    assert list(tree.settle()) == []
    assert list(tree.missing()) == []
    assert bytes(tree.leaves) == b"".join(leaves)


LINES: dict[str, bytes] = {
    "no JSON": b"x\n",
    "no object": b"[]\n",
    "deeply nested": b"[" * 50_000 + b"\n",
    "another type": b'{"type": "person"}\n',
    "a type that is none": b'{"type": ["entry"]}\n',
    "a field too few": b'{"type": "entry", "line": "", "hash": "", "position": null}\n',
    "a field too many": b'{"type": "key", "key": "", "more": 1}\n',
    "a number for a text": b'{"type": "entry", "line": 1, "hash": "", "position": null, "leaf": null}\n',
    "true for a number": b'{"type": "entry", "line": "", "hash": "", "position": true, "leaf": null}\n',
    "longer than any": b'{"type": "key", "key": "' + b"x" * 70_000 + b'"}\n',
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_is_none_is_named_by_its_number(name: str) -> None:
    whole = exported(account_of(SOUND))
    first, rest = whole.split(b"\n", 1)
    report = checked(first + b"\n" + LINES[name] + rest)
    assert {"line", "digest"} <= report.by_code.keys()
    assert any("line 2 " in fault.words for fault in report.faults)


def test_an_export_that_was_cut_or_changed_is_refused() -> None:
    whole = exported(account_of(SOUND))
    lines = whole.splitlines(keepends=True)
    assert checked(whole).faults == []
    assert "trailer" in checked(b"".join(lines[:-1])).by_code
    assert "trailer" in checked(whole + b"\n").by_code
    assert "trailer" in checked(whole[:-1]).by_code, "its last line has no end"
    assert checked(whole.replace(b'"leaves": 0', b'"leaves": 1')).by_code == {"digest": 1}
    assert {"counts", "digest"} <= checked(b"".join(lines[:2] + lines[3:])).by_code.keys()
    announced = exported(account_of(SOUND), counts={"entries": 9})
    assert checked(announced).by_code == {"counts": 1}
    for other in (b"", b"{}\n", b'{"format": "creditbank-ledger", "version": 2, "leaves": 0}\n'):
        with pytest.raises(verify_ledger.Unreadable):
            checked(other)


HOSTILE: dict[str, dict[str, Any]] = {
    "half of a character": {"actor": "\ud800"},
    "a sequence for the terminal": {"kind": "\x1b[2J"},
    "a number of thousands of digits": {"seq": "9" * 5000},
    "an amount of thousands of digits": {"amount": "9" * 5000},
    "digits that are none of ours": {"seq": "\uff11"},
    "nothing at all": dict.fromkeys(("learner", "scheme", "seq", "entry", "posting", "lot", "decision"), ""),
    "one part more": {"actor": "a|b"},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_entry_that_means_harm_is_named_and_shown_as_it_may_be(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = account_of(SOUND[:2])
    parts = lines[-1]["line"].split("|")
    order = ("version", "learner", "scheme", "seq", "entry", "posting", "lot", "decision", "kind", "counter", "amount")
    places = {part: place for place, part in enumerate((*order, "after", "effective_on", "recorded_at", "actor"))}
    for part, value in HOSTILE[name].items():
        parts[places[part]] = value
    lines[-1]["line"] = "|".join(parts)
    (tmp_path / "export").write_bytes(exported(lines))
    for more in ([], ["--json"]):
        assert verify_ledger.main([str(tmp_path / "export"), *more]) == 1
    said = capsys.readouterr()
    assert "hash" in said.out
    assert "Traceback" not in said.err
    assert all(one.isprintable() or one == "\n" for one in said.out)


def test_keys_and_signatures_that_are_none_are_faults() -> None:
    text = "log\n0\n" + base64.b64encode(hashlib.sha256().digest()).decode() + "\n"
    material = b"\1" + bytes(32)
    key_id = hashlib.sha256(b"log\n" + material).digest()[:4]
    key = f"log+{key_id.hex()}+{base64.b64encode(material).decode()}"
    for signature in (b"", bytes(10), bytes(64)):
        note = f"{text}\n\u2014 log {base64.b64encode(key_id + signature).decode()}\n"
        said = {"type": "checkpoint", "size": 0, "root": hashlib.sha256().hexdigest(), "note": note}
        assert checked(exported([{"type": "key", "key": key}, said])).by_code == {"signature": 1}
    assert checked(exported([{"type": "key", "key": "log"}])).by_code == {"key": 1}
    for note in ("", "log\n0\n\n", text, f"{text}\nsigned\n", text.replace("0", "-1") + "\n\u2014 log AAAA\n"):
        said = {"type": "checkpoint", "size": 0, "root": hashlib.sha256().hexdigest(), "note": note}
        assert checked(exported([said])).by_code == {"checkpoint": 1}, note
