"""RDF in canonical form (RDFC-1.0), with a bound on the work: graphs can be made that would take years."""

from math import factorial
from typing import Any

from pyld.canon import URDNA2015

WORK_MAX = 60_000
"""Orders that are tried for blank nodes that look alike, each as often as names were given so far: about a second."""

ALIKE_MAX = 6
"""Blank nodes that look alike from one other: 720 orders. Ten would be three million."""


class TooTangled(Exception):  # noqa: N818 - what was found
    """Too many blank nodes can't be told apart but by trying."""


def canonical_quads(dataset: dict[str, list[dict[str, Any]]]) -> bytes:
    """Return the lines of a dataset (as PyLD has it) sorted and with blank nodes named as RDFC-1.0 names them.

    Literals have no control characters but line ends, which is seen to before. Raises TooTangled.
    """
    lines: str = _Bounded().main(dataset, {"format": "application/n-quads"})
    return lines.encode()


class _Bounded(URDNA2015):  # type: ignore[misc]
    """The library's algorithm, which counts what it is about to try."""

    def __init__(self) -> None:
        super().__init__()
        self._work = 0

    def create_hash_to_related(self, id_: str, issuer: Any) -> dict[str, list[str]]:  # noqa: ANN401
        found: dict[str, list[str]] = super().create_hash_to_related(id_, issuer)
        sizes = [len(alike) for alike in found.values()]
        if max(sizes, default=0) > ALIKE_MAX:
            raise TooTangled
        self._work += sum(factorial(size) for size in sizes) * (len(issuer.order) + 1)
        if self._work > WORK_MAX:
            raise TooTangled
        return found
