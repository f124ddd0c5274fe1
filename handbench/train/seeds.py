"""Several trainings that differ in their seed: mean and spread of what they reach."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from handbench.store.files import replace_durably, seal
from handbench.train.ddp import is_first
from handbench.train.options import TrainOptions
from handbench.train.run import Report, train

SCHEMA = "handbench-seeds/1"


@dataclass(frozen=True)
class Spread:
    """A number over seeds.

    Attributes:
        values: of each seed.
        unit: of the numbers.
    """

    values: tuple[float, ...]
    unit: str

    @property
    def mean(self) -> float:
        """Their mean."""
        return math.fsum(self.values) / len(self.values)

    @property
    def std(self) -> float | None:
        """Sample deviation (over n - 1); None for one value."""
        n = len(self.values)
        if n < 2:
            return None
        return math.sqrt(math.fsum((value - self.mean) ** 2 for value in self.values) / (n - 1))


def train_seeds(options: TrainOptions, count: int) -> tuple[list[Report], dict[str, Spread]]:
    """Trains with ``count`` seeds from ``options.seed`` on, each in ``OUT/seed-N``.

    Runs that are done are not done again. Every run has the whole time of ``max_minutes``.

    Returns:
        A report each, and mean and spread of every number that all runs have: those of validation, else the
        last losses. They are written to ``OUT/seeds.json``.
    """
    reports = []
    for seed in range(options.seed, options.seed + count):
        one = dataclasses.replace(options, seed=seed, out=options.out / f"seed-{seed}")
        reports.append(train(one))
    if not is_first():
        return reports, {}
    spreads = spread(reports)
    found = {
        name: {"mean": number.mean, "std": number.std, "values": list(number.values), "unit": number.unit}
        for name, number in spreads.items()
    }
    content = {"schema": SCHEMA, "seeds": [options.seed + k for k in range(count)], "numbers": found}
    replace_durably(options.out / "seeds.json", seal(content))
    return reports, spreads


def spread(reports: list[Report]) -> dict[str, Spread]:
    """Returns the numbers that all reports have, over seeds."""
    sets = [report.validation or report.losses for report in reports]
    names = [name for name in sets[0] if all(name in numbers for numbers in sets)]
    units = reports[0].units
    return {name: Spread(tuple(numbers[name] for numbers in sets), units.get(name, "")) for name in names}
