"""What came out of one run: a profile, a seed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Arrays by ticket number, in seconds; `nan` is what never happened.

    `wait_s` is the time to the first start, `system_s` to the end. `busy_s` is by agent: work
    within the horizon, each slot of capacity counted. `handovers` counts how often a ticket was
    passed on.
    """

    arrived_s: Floats
    wait_s: Floats
    system_s: Floats
    target_s: Floats
    handovers: npt.NDArray[np.int64]
    kinds: tuple[str, ...]
    blocks: tuple[str, ...]
    busy_s: dict[str, float]
    served: dict[str, int]
    decisions: int
    faults: tuple[str, ...] = ()

    @property
    def mean_wait_s(self) -> float:
        """The mean wait of all tickets that were started, warm-up included; nan if none was."""
        started = self.wait_s[~np.isnan(self.wait_s)]
        return float(started.mean()) if started.size else float("nan")
