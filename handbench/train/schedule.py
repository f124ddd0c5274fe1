"""How far a run is, in steps and in time, and the learning rate that follows from it."""

from __future__ import annotations

import time

from handbench.train.options import Optimisation

_RESERVE_SHARE, _RESERVE_MOST = 0.05, 10.0


class Schedule:
    """Progress and learning rate of a run.

    Progress is the greater of two shares: steps done, and time spent of the time given. So the decays of the
    rate happen also where time ends before the steps do. Without a limit of time it depends on the step
    alone.

    Args:
        how: the rate and its decays.
        total: steps of the whole run.
        seconds: time for training [s], None for no limit; the last checkpoint is written within it.
        spent: what earlier parts of the run took [s].
        begun: when this part began, by ``time.monotonic``; now by default.
    """

    def __init__(
        self,
        how: Optimisation,
        total: int,
        seconds: float | None,
        spent: float = 0.0,
        begun: float | None = None,
    ) -> None:
        self._how, self.total, self._spent = how, total, spent
        # The last checkpoint and the weights are to be written before time is up.
        self._seconds = None if seconds is None else seconds - min(_RESERVE_SHARE * seconds, _RESERVE_MOST)
        self._started = time.monotonic() if begun is None else begun

    @property
    def spent(self) -> float:
        """Time that the run has taken so far [s], earlier parts included."""
        return self._spent + time.monotonic() - self._started

    @property
    def limited(self) -> bool:
        """Whether time is limited."""
        return self._seconds is not None

    def progress(self, step: int, spent: float) -> float:
        """Returns the share of the run that is done, 1 at its end.

        Args:
            step: steps done.
            spent: time spent [s]; every process of a run must give the same.
        """
        share = step / self.total
        return share if self._seconds is None else max(share, min(spent / self._seconds, 1.0))

    def rate(self, progress: float) -> float:
        """Returns the learning rate."""
        return self._how.lr * self._how.gamma ** sum(progress >= share for share in self._how.decays)
