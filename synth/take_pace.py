"""How fast takes go: durations of their phases, set so that the motion per frame is that of tracked hands."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Pace:
    """Durations in frames at 30 a second.

    Attributes:
        reach: the way to the object.
        close: fingers close, and open again.
        retreat: the way back.
        leg: from one pose of the held object to the next.
        change: from one change of the grasp to the next.
        way: least and greatest length of the ways to and from the object [m].
        wide: how wide the held object swings.
        spread: of the uneven pace: standard deviation of the logarithm of the speed.
        vary: the same for the whole take.
    """

    reach: int
    close: int
    retreat: int
    leg: float
    change: float
    way: tuple[float, float]
    wide: float
    spread: float
    vary: float

    @property
    def around(self) -> int:
        """Frames in which the object stands on the table."""
        return self.reach + self.retreat + 2 * self.close

    def drawn(self, rng: np.random.Generator) -> Pace:
        """Returns the pace of one take: some people are quicker."""
        factor = float(np.exp(self.vary * np.clip(rng.standard_normal(), -2, 2)))
        return replace(
            self,
            reach=round(self.reach * factor),
            retreat=round(self.retreat * factor),
            close=max(round(self.close * factor), 5),
            leg=self.leg * factor,
        )


_PLAIN = Pace(46, 14, 42, 46.0, 38.0, (0.05, 0.08), 1.0, 0.55, 0.2)

PACES: dict[str, Pace] = {
    "plain": _PLAIN,
    "fast": Pace(16, 8, 15, 10.0, 60.0, (0.09, 0.13), 1.1, 0.4, 0.1),
    "second-hand": _PLAIN,
}
"""The pace of each stratum."""
