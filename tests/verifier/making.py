"""Exports made by hand: a learner's account whose entries are chained as they should be, whatever they say."""

import hashlib
import json
from typing import Any

from tests.verifier.ledgers import checked
from tools.verify_ledger import Report

SCHEME = "cn-16h-half"

COUNTERS = {"recognise": "issuance:cqdx", "reverse": "issuance:cqdx", "hold": "held", "release": "held"}

Said = tuple[str, int, str]
"""Kind, amount in hundredths, and the name of the lot."""


def named(name: str) -> str:
    """Return the id that stands for a name in these tests."""
    digits = hashlib.sha256(name.encode()).hexdigest()[:32]
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def exported(records: list[dict[str, Any]], **head: Any) -> bytes:
    """Return an export with these lines between its first and its last."""
    names = {"account": "accounts", "lot": "lots", "entry": "entries", "leaf": "lost_leaves", "key": "keys"}
    names |= {"checkpoint": "checkpoints"}
    counts = {plural: sum(one["type"] == name for one in records) for name, plural in names.items()}
    first = {"type": "header", "format": "creditbank-ledger", "version": 1, "leaves": 0, "counts": {}} | head
    body = b"".join(json.dumps(one).encode() + b"\n" for one in [first, *records])
    last = {"type": "trailer", "counts": counts, "sha256": hashlib.sha256(body).hexdigest()}
    return body + json.dumps(last).encode() + b"\n"


def account_of(said: list[Said], learner: str = "learner", **changes: Any) -> list[dict[str, Any]]:
    """Return an account's lines: it stores what its entries give, lots what they leave, unless told otherwise.

    `changes` are by name: `outcomes` names each lot's outcome, `lines` changes entries by number, and all else changes
    the account's row.
    """
    outcomes, lines = changes.pop("outcomes", {}), changes.pop("lines", {})
    chain, after, entries = bytes(32), 0, []
    sums = {"issuance": 0, "held": 0, "conversion": 0}
    for seq, (kind, amount, lot) in enumerate(said, 1):
        after += amount
        counter = COUNTERS.get(kind, "conversion:cqou")
        sums[counter.partition(":")[0]] += amount
        parts = {
            "learner": named(learner),
            "scheme": SCHEME,
            "seq": seq,
            "entry": named(f"{learner} entry {seq}"),
            "posting": named(f"{learner} posting {seq}"),
            "lot": named(f"{learner} {lot}"),
            "decision": named(f"decision {lot}" if kind == "recognise" else "decision"),
            "kind": kind,
            "counter": counter,
            "amount": amount,
            "after": after,
            "effective_on": "2026-06-30",
            "recorded_at": f"2026-07-01T04:00:{seq:02d}.000000Z",
            "actor": "cqdx",
        } | lines.get(seq, {})
        line = "|".join(map(str, ["1", *parts.values()]))
        chain = hashlib.sha256(chain + line.encode()).digest()
        entries.append({"type": "entry", "line": line, "hash": chain.hex(), "position": None, "leaf": None})
    recognised, held, converted = sums["issuance"], -sums["held"], -sums["conversion"]
    stored = {
        "type": "account",
        "learner": named(learner),
        "scheme": SCHEME,
        "recognised_hundredths": recognised,
        "held_hundredths": held,
        "converted_hundredths": converted,
        "available_hundredths": recognised - held - converted,
        "seq": len(said),
        "recorded_at": entries[-1]["line"].split("|")[13],
        "chain_hash": chain.hex(),
    }
    lots = [_lot(learner, lot, said, outcomes.get(lot, f"outcome {lot}")) for lot in dict.fromkeys(x[2] for x in said)]
    return [stored | changes, *lots, *entries]


def _lot(learner: str, lot: str, said: list[Said], outcome: str) -> dict[str, Any]:
    amount = next((one[1] for one in said if one[2] == lot and one[0] == "recognise"), 1)
    award = {"decision": named(f"decision {lot}"), "outcome": named(outcome), "scheme": SCHEME, "valid_until": None}
    return {
        "type": "lot",
        "learner": named(learner),
        "scheme": SCHEME,
        "lot": named(f"{learner} {lot}"),
        "outcome": named(outcome),
        "amount_hundredths": amount,
        "used_hundredths": amount - sum(one[1] for one in said if one[2] == lot),
        "valid_until": None,
        "awarded": award | {"credits": f"{amount // 100}.{amount % 100:02d}"},
    }


def report_on(*accounts: list[dict[str, Any]]) -> Report:
    """Return what the verifier says of accounts, in the order of their learners."""
    ordered = sorted(accounts, key=lambda lines: str(lines[0]["learner"]))
    return checked(exported([line for lines in ordered for line in lines]))
