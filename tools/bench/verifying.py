"""Measure the independent verifier: `python -m tools.bench.verifying [--entries N]`.

An export is made up as it is written, line by line: learners with some entries each, chained, sealed in the order in
which they were recorded, and a signed checkpoint over all. The verifier runs as a process of its own.
"""

import argparse
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ENTRIES = 5_000_000

ENTRIES_EACH = 25
"""Entries of a learner, give or take: as many as some years of courses leave."""

MEBIBYTES_MAX = 500
"""What the verifier may take for five million entries."""

VERIFIER = Path(__file__).resolve().parents[1] / "verify_ledger.py"

ORIGIN = "bench.example/ledger"

KINDS = (("recognise", 1), ("recognise", 1), ("recognise", 1), ("hold", -1), ("release", 1), ("convert", -1))
"""What happens on an account, over and over: the third lot is held, released and converted."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Benchmark of the independent verifier alone")
    parser.add_argument("--entries", type=int, default=ENTRIES)
    print(report(parser.parse_args().entries))


def report(entries: int = ENTRIES) -> str:
    """Return the figures as a Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.ndjson"
        written = write_export(path, entries)
        size = path.stat().st_size
        began = time.perf_counter()
        peak, busy, said = _verified(path)
        took = time.perf_counter() - began
    assert said["faults_count"] == 0, said["faults"][:3]
    assert (said["entries"], said["leaves"], said["checkpoints"]) == (written, written, 1)
    return "\n".join(
        (
            "| independent verifier, one process | measured | wanted |",
            "|---|---:|---:|",
            f"| entries verified, each with its lot, chain and leaf | {written:,} | |",
            f"| size of the export | {size / 2**20:,.0f} MiB | |",
            f"| time by the clock; of the processor | {took:,.0f} s; {busy:,.0f} s | |",
            f"| entries a second by the clock | {written / took:,.0f} | |",
            f"| entries a second of the processor | {written / busy:,.0f} | 40,000 |",
            f"| memory at its peak | {peak / 2**20:,.0f} MiB | at most {MEBIBYTES_MAX} |",
        )
    )


def _verified(path: Path) -> tuple[int, float, dict[str, object]]:
    """Return the verifier's largest memory in bytes, the seconds that it kept a processor busy, and its report."""
    with tempfile.TemporaryFile() as output:
        command = [sys.executable, "-I", str(VERIFIER), "--json", str(path)]
        with subprocess.Popen(command, stdout=output) as process:  # noqa: S603 - our own tool
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode in (0, 1), "the verifier could not read the export"
        output.seek(0)
        return usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime, json.load(output)


def write_export(path: Path, entries: int, seed: int = 1) -> int:
    """Write an export with about so many entries, all sealed; return how many they are."""
    random = Random(seed)  # noqa: S311 - no secret
    learners = max(1, entries // ENTRIES_EACH)
    lengths = array("I", (random.randrange(ENTRIES_EACH // 2, ENTRIES_EACH * 3 // 2 + 1) for _ in range(learners)))
    total = sum(lengths)
    places = _places(lengths)
    counts = {"accounts": 0, "lots": 0, "entries": 0, "lost_leaves": 0, "keys": 1, "checkpoints": 1}
    leaves, digest = bytearray(total * 32), hashlib.sha256()
    with path.open("wb") as file:

        def write(said: dict[str, object]) -> None:
            line = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
            digest.update(line)
            file.write(line)

        write(
            {
                "type": "header",
                "format": "creditbank-ledger",
                "version": 1,
                "leaves": total,
                "counts": {"entries": total},
            }
        )
        for number, length in enumerate(lengths):
            for said in _account(number, length, places, leaves):
                counts[{"account": "accounts", "lot": "lots", "entry": "entries"}[str(said["type"])]] += 1
                write(said)
        for said in _signed(leaves):
            write(said)
        trailer = {"type": "trailer", "counts": counts, "sha256": digest.hexdigest()}
        file.write(json.dumps(trailer).encode() + b"\n")
    return total


def _places(lengths: "array[int]") -> Iterator[int]:
    """Yield the position of each entry, learner by learner: a week's entries of all learners were sealed together."""
    at_seq = [0] * max(lengths)
    for length in lengths:
        for seq in range(length):
            at_seq[seq] += 1
    next_place = array("Q", [0] * max(lengths))
    for seq in range(1, max(lengths)):
        next_place[seq] = next_place[seq - 1] + at_seq[seq - 1]
    for length in lengths:
        for seq in range(length):
            yield next_place[seq]
            next_place[seq] += 1


def _uuid(*parts: int) -> str:
    """Return an id that grows with the first part."""
    digits = f"{parts[0]:012x}{'7'}{sum(part << 20 * number for number, part in enumerate(parts[1:])):019x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _account(number: int, length: int, places: Iterator[int], leaves: bytearray) -> Iterator[dict[str, object]]:
    """Yield the lines of one account."""
    learner, scheme = _uuid(number), "cn-16h-half"
    lots: dict[str, list[int]] = {}
    lines: list[dict[str, object]] = []
    chain, recognised, held, converted, at, lot = bytes(32), 0, 0, 0, "", ""
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    for seq in range(1, length + 1):
        kind, sign = KINDS[(seq - 1) % len(KINDS)]
        if kind == "recognise":
            lot = _uuid(number, seq, 1)
            lots[lot] = [300, 0, seq]
        amount = 300 * sign
        recognised += amount if kind == "recognise" else 0
        held -= amount if kind in ("hold", "release") else 0
        converted -= amount if kind == "convert" else 0
        lots[lot][1] -= amount if kind != "recognise" else 0
        counter = {"recognise": "issuance:cqdx", "convert": "conversion:cqou"}.get(kind, "held")
        at = (start + timedelta(weeks=seq)).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        ids = "|".join((_uuid(number, seq, 2), _uuid(number, seq, 3), lot, _uuid(number, seq, 4)))
        after = recognised - held - converted
        line = f"1|{learner}|{scheme}|{seq}|{ids}|{kind}|{counter}|{amount}|{after}|2026-06-30|{at}|{_uuid(7)}"
        chain = hashlib.sha256(chain + line.encode()).digest()
        leaf, place = hashlib.sha256(b"\0" + line.encode()).digest(), next(places)
        leaves[place * 32 : place * 32 + 32] = leaf
        lines.append({"type": "entry", "line": line, "hash": chain.hex(), "position": place, "leaf": leaf.hex()})
    balances = {"recognised": recognised, "held": held, "converted": converted}
    balances["available"] = recognised - held - converted
    said = {f"{name}_hundredths": amount for name, amount in balances.items()}
    end = {"seq": length, "recorded_at": at, "chain_hash": chain.hex()}
    yield {"type": "account", "learner": learner, "scheme": scheme} | said | end
    for lot, (amount, used, seq) in lots.items():
        outcome = _uuid(number, seq, 5)
        award: dict[str, object] = {
            "decision": _uuid(number, seq, 4),
            "outcome": outcome,
            "credits": "3.00",
            "scheme": scheme,
        }
        head = {"type": "lot", "learner": learner, "scheme": scheme, "lot": lot, "outcome": outcome}
        stored = {"amount_hundredths": amount, "used_hundredths": used, "valid_until": None}
        yield head | stored | {"awarded": award | {"valid_until": None}}
    yield from lines


def _signed(leaves: bytearray) -> Iterator[dict[str, object]]:
    """Yield a key and the checkpoint over all leaves that it signed."""
    size, private = len(leaves) // 32, Ed25519PrivateKey.generate()
    root = _root(leaves)
    material = b"\1" + private.public_key().public_bytes_raw()
    key_id = hashlib.sha256(ORIGIN.encode() + b"\n" + material).digest()[:4]
    text = f"{ORIGIN}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = base64.b64encode(key_id + private.sign(text.encode())).decode()
    yield {"type": "key", "key": f"{ORIGIN}+{key_id.hex()}+{base64.b64encode(material).decode()}"}
    yield {"type": "checkpoint", "size": size, "root": root.hex(), "note": f"{text}\n— {ORIGIN} {signature}\n"}


def _root(leaves: bytearray) -> bytes:
    """Return the root over the leaves, level by level: a node without a partner goes up as it is."""
    row: bytes | bytearray = leaves
    while len(row) > 32:  # noqa: PLR2004 - bytes of one hash
        above = bytearray()
        for start in range(0, len(row) - 32, 64):
            above += hashlib.sha256(b"\1" + row[start : start + 64]).digest()
        row = above + row[len(row) - 32 :] if len(row) % 64 else above
    return bytes(row)


if __name__ == "__main__":
    main()
