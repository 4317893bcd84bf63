"""The one door to the solver of linear programs, HiGHS (Huangfu & Hall, 2018) through scipy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog

from services.router.simulation.theory.errors import LabError
from services.router.simulation.theory.subsets import Floats

#: The status by which scipy says that no solution exists.
_INFEASIBLE = 2


@dataclass(frozen=True, slots=True)
class Optimum:
    """The least value, a solution, and by how much the value rises with each right-hand side.

    `at_most_slopes` are never above 0.
    """

    value: float
    solution: Floats
    equal_slopes: Floats
    at_most_slopes: Floats


def minimise(
    cost: Floats, equal: tuple[Any, Floats], at_most: tuple[Any, Floats]
) -> Optimum | None:
    """Minimise cost @ x for x >= 0 under two systems (dense or sparse matrix, right-hand side).

    Returns None if no x fulfils them; raises LabError if the solver gives up.
    """
    result = linprog(
        cost, A_ub=at_most[0], b_ub=at_most[1], A_eq=equal[0], b_eq=equal[1], method="highs"
    )
    if result.status == _INFEASIBLE:
        return None
    if result.fun is None or result.status != 0:
        raise LabError(f"The linear program was not solved: {result.message}")
    return Optimum(
        value=float(result.fun),
        solution=np.asarray(result.x),
        equal_slopes=np.asarray(result.eqlin.marginals),
        at_most_slopes=np.asarray(result.ineqlin.marginals),
    )
