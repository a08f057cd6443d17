"""Measure how fast credentials are made and signed on one core: `python -m tools.bench.issuing [--seconds S]`.

Beside each way stands the bare signature: of its algorithm, over the bytes that it signs.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256

from creditbank.formats.credential_key import Algorithm
from creditbank.formats.data_integrity import with_proof
from creditbank.formats.vc_jwt import signed_jwt
from tests.formats.credentials import AT, DID, document, keys

SECONDS = 2.0
ROUNDS = 5
WANTED = 1500
METHOD = f"{DID}#key"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Benchmark of issuing credentials alone")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    print(report(parser.parse_args().seconds))


def report(seconds: float = SECONDS) -> str:
    """Return the figures as a Markdown table: medians of rounds in which all are measured by turns."""
    ways = _ways()
    rounds = [{name: _per_second(way, seconds / ROUNDS) for name, way in ways.items()} for _ in range(ROUNDS)]
    figures = {name: median(one[name] for one in rounds) for name in ways}
    lines = ["| credentials, one core | a second | the bare signature | ratio |", "|---|---:|---:|---:|"]
    for name in ("document alone", "Data Integrity, EdDSA", "JWT, EdDSA", "JWT, ES256", "JWT, RS256"):
        bare = figures.get(f"bare {name.rpartition(', ')[2]}")
        beside = "| |" if bare is None else f"{bare:,.0f} | {figures[name] / bare:.0%} |"
        lines.append(f"| {name} | {figures[name]:,.0f} | {beside}")
    return "\n".join([*lines, "", f"Wanted: {WANTED:,} signed credentials a second on one core."])


def _ways() -> dict[str, Callable[[], object]]:
    """Return what is measured: a new document each time, and what signs it."""
    ring = keys().keys
    eddsa, es256, rs256 = (ring[one].private for one in (Algorithm.EDDSA, Algorithm.ES256, Algorithm.RS256))
    data = bytes(64)
    return {
        "document alone": document,
        "Data Integrity, EdDSA": lambda: with_proof(document(), ring[Algorithm.EDDSA], METHOD, AT),
        "JWT, EdDSA": lambda: signed_jwt(document(), ring[Algorithm.EDDSA], METHOD, AT),
        "JWT, ES256": lambda: signed_jwt(document(), ring[Algorithm.ES256], METHOD, AT),
        "JWT, RS256": lambda: signed_jwt(document(), ring[Algorithm.RS256], METHOD, AT),
        "bare EdDSA": lambda: eddsa.sign(data),
        "bare ES256": lambda: es256.sign(data, ec.ECDSA(SHA256())),
        "bare RS256": lambda: rs256.sign(data, padding.PKCS1v15(), SHA256()),
    }


def _per_second(way: Callable[[], object], seconds: float) -> float:
    """Return how often a second something is done in one thread."""
    ends, done, began = time.perf_counter() + seconds, 0, time.perf_counter()
    while time.perf_counter() < ends:
        way()
        done += 1
    return done / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
