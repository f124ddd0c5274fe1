"""Which samples lie in which shard: a function of their number alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from handbench.config import flatten
from handbench.errors import HandbenchError

SMALL_SHARD, LARGE_SHARD, LARGE_FROM = 250, 2_000, 20_000


@dataclass(frozen=True)
class Plan:
    """Samples 0 to ``num`` - 1 in shards of equal size; the last may be smaller.

    Attributes:
        num: number of samples.
        shards: the shards to make, ascending; all of them by default.

    Raises:
        HandbenchError: when there is nothing to make.
    """

    num: int
    shards: tuple[int, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.num < 1:
            raise HandbenchError(f"--num {self.num}: nothing to make", "give a number of 1 or more")
        if not self.shards:
            object.__setattr__(self, "shards", tuple(range(self.count)))

    @property
    def size(self) -> int:
        """Samples in a shard: 250 below 20,000 samples, else 2,000."""
        return SMALL_SHARD if self.num < LARGE_FROM else LARGE_SHARD

    @property
    def count(self) -> int:
        """Number of shards of the whole dataset."""
        return -(-self.num // self.size)

    def ids(self, shard: int) -> range:
        """Returns the samples of one shard."""
        return range(shard * self.size, min((shard + 1) * self.size, self.num))


def make_plan(num: int, shards: str | None = None) -> Plan:
    """Makes a plan from the values of ``--num`` and ``--shards``.

    Args:
        num: number of samples of the whole dataset.
        shards: e.g. ``3``, ``0-7`` or ``0-7,12``; None means all.

    Raises:
        HandbenchError: for a number below 1, or shards that do not exist.
    """
    whole = Plan(num)
    if shards is None:
        return whole
    chosen: set[int] = set()
    for part in shards.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise HandbenchError(f"cannot read --shards {shards!r}", "write 3, 0-7 or 0-7,12")
        low, high = int(first), int(last or first)
        if low > high or high >= whole.count:
            raise HandbenchError(
                f"--shards {part.strip()}: --num {num} has shards 0 to {whole.count - 1}",
                "give shards in that range, the smaller first",
            )
        chosen |= set(range(low, high + 1))
    return Plan(num, tuple(sorted(chosen)))


@dataclass(frozen=True)
class DatasetSpec:
    """What decides a dataset's samples; together with its number, a sample depends on nothing else.

    Attributes:
        kind: the record's field set and its schema number, e.g. ``aih/1``.
        recipe_hash: covers the resolved recipe, the renderer, the hand model and all sources.
        seed: of every random stream.
        recipe: the resolved recipe, plain values for JSON.
        renderer: what drew the pictures, e.g. name, vendor, version strings.
        sources: fingerprints of hand model, poses, images and backgrounds.
    """

    kind: str
    recipe_hash: str
    seed: int
    recipe: dict[str, Any] = field(default_factory=dict)
    renderer: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def check_same(self, other: DatasetSpec, where: str) -> None:
        """Refuses data that were made from something else.

        Raises:
            HandbenchError: naming both values.
        """
        for name in ("kind", "recipe_hash", "seed"):
            mine, found = getattr(self, name), getattr(other, name)
            if mine != found:
                raise HandbenchError(
                    f"{where} has {name.replace('_', ' ')} {found}, this run has {mine}{self._why(other)}",
                    "choose another --out, or --on-existing overwrite",
                )

    def _why(self, other: DatasetSpec) -> str:
        """Names the first key in which two datasets differ, where one does."""
        mine = dict(flatten({"recipe": self.recipe, "renderer": self.renderer, "sources": self.sources}))
        found = dict(flatten({"recipe": other.recipe, "renderer": other.renderer, "sources": other.sources}))
        for key in sorted(mine.keys() | found.keys()):
            if mine.get(key) != found.get(key):
                return f"; {key} is {found.get(key)!r} there and {mine.get(key)!r} here"
        return ""
