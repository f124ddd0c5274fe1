"""How many processes make batches."""

from __future__ import annotations

import os

from handbench.train.ddp import Ranks

_MOST = 8


def choose_workers(asked: int | None, ranks: Ranks) -> int:
    """Returns the workers of a process: what was asked, else one a core that it has to itself.

    On a CPU none: the network takes all cores, and making batches is a tenth of the work.
    """
    if asked is not None:
        return asked
    if ranks.device.type == "cpu":
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(min(cores // ranks.count - 1, _MOST), 1)
