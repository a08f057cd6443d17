"""The optimiser HiGHS: the best values of a whole-number programme, the same every time."""

from collections.abc import Sequence
from itertools import pairwise

import highspy
import numpy as np

from creditbank.core.conversion.linear import Linear, Terms, value_of
from creditbank.core.errors import Fault, Malformed

PROOF_SECONDS = 15.0
"""How long the proof of the best may take; 60 outcomes toward 200 courses take about a second."""

PROVEN_GAP = 0.5
"""A solution this close to the bound is best: with the nudge it is less than one, and the first objective is whole."""

NUDGE = 0.4
"""How much all tie-breaks together may count beside one of the first objective."""

TIE_VARIABLES_MAX = 150
"""Variables up to which ties are broken one after the other; some ten outcomes toward ten courses."""

TIE_NODES_MAX = 50
"""Branches searched for each tie-break among equally good values: a number and not a time, so that it ends alike."""


class TooHard(Malformed):
    """Nothing was proven best in time, so that nothing is chosen."""


def too_hard() -> TooHard:
    """Return the answer to a choice that is too large."""
    zh = f"在 {PROOF_SECONDS:.0f} 秒内无法证明最佳方案；请减少所列的成果或课程。"
    en = f"No choice was proven best within {PROOF_SECONDS:.0f} seconds; name fewer outcomes or courses."
    return TooHard((Fault("", "too_hard", zh, en),))


def best_values(linear: Linear) -> Sequence[int]:
    """Return values whose first objective no other values beat; the others break ties.

    They do so one after the other in small programmes, and in large ones by a nudge: all of them together count for
    less than one of the first objective, whose best is proven all the same.
    Refused: TooHard where it is not proven in time.
    """
    solver, count = _model(linear), len(linear.upper)
    solver.setOptionValue("mip_abs_gap", PROVEN_GAP)
    values = _maximised(solver, _nudged(linear), ())
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise too_hard()
    if count > TIE_VARIABLES_MAX:
        return values
    solver.setOptionValue("mip_abs_gap", 0.0)
    solver.setOptionValue("mip_max_nodes", TIE_NODES_MAX)
    solver.setOptionValue("time_limit", highspy.kHighsInf)
    for before, objective in pairwise(linear.objectives):
        places, factors = _split(before)
        solver.addRow(value_of(before, values) - 0.5, highspy.kHighsInf, len(places), places, factors)
        if objective:
            values = _maximised(solver, _costs(objective, count), values) or values
    return values


def _nudged(linear: Linear) -> np.ndarray:
    """Return the costs of the first objective with a nudge of each other, the more important the stronger."""
    costs = _costs(linear.objectives[0], len(linear.upper))
    share = NUDGE
    for objective in linear.objectives[1:]:
        nudge = _costs(objective, len(linear.upper))
        span = float(np.abs(nudge) @ np.array(linear.upper, dtype=np.double))
        share /= 2
        costs += nudge * (share / span if span else 0.0)
    return costs


def _costs(objective: Terms, count: int) -> np.ndarray:
    """Return an objective as a cost for each variable."""
    costs = np.zeros(count)
    for place, factor in objective:
        costs[place] += factor
    return costs


def _model(linear: Linear) -> highspy.Highs:
    """Return the variables and rows in the optimiser's own form."""
    solver = highspy.Highs()  # type: ignore[no-untyped-call] # the library leaves it untyped
    solver.silent()
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("random_seed", 0)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", 0.0)
    solver.setOptionValue("time_limit", PROOF_SECONDS)
    count = len(linear.upper)
    solver.addVars(count, np.zeros(count), np.array(linear.upper, dtype=np.double))
    whole = np.full(count, highspy.HighsVarType.kInteger)
    solver.changeColsIntegrality(count, np.arange(count, dtype=np.int32), whole)
    for row in linear.rows:
        places, factors = _split(row.terms)
        solver.addRow(-highspy.kHighsInf, float(row.most), len(places), places, factors)
    return solver


def _maximised(solver: highspy.Highs, costs: np.ndarray, known: Sequence[int]) -> list[int]:
    """Return the best values found, none where the search ended before any was; it begins with those that are known."""
    count = len(costs)
    solver.changeColsCost(count, np.arange(count, dtype=np.int32), costs)
    solver.changeObjectiveSense(highspy.ObjSense.kMaximize)
    if known:
        begin = highspy.HighsSolution()
        begin.col_value = [float(value) for value in known]
        solver.setSolution(begin)
    solver.run()
    if solver.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return []
    return [round(value) for value in solver.getSolution().col_value]


def _split(terms: Terms) -> tuple[np.ndarray, np.ndarray]:
    places = np.array([place for place, _ in terms], dtype=np.int32)
    return places, np.array([factor for _, factor in terms], dtype=np.double)
