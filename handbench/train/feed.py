"""The batches of a run by the number of their step: any mix of datasets, from any step on, the same again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from handbench.baselines.trainable import Trainable
from handbench.datasets import Dataset
from handbench.errors import HandbenchError
from handbench.loaders import Batch, batches
from handbench.loaders.batch import Labels


@dataclass(frozen=True)
class Share:
    """What a batch holds of one dataset.

    Attributes:
        dataset: an opened one.
        weight: of its items in a batch, None for their number.
    """

    dataset: Dataset
    weight: float | None = None


class Feed:
    """Gives the batch of each step.

    A batch holds items of every dataset, as many as the weights say (the largest remainders are rounded up).
    Each dataset goes through its own epochs: with b items a batch, step s takes its batch number s. So
    what a step sees depends on data, seed and step alone.

    Args:
        shares: the datasets.
        trainable: says what its batches are.
        batch_size: items of a step, over all processes.
        augment: name of a preset.
        seed: of order and augmentation.
        workers: processes that make batches, shared out over the datasets.
        device: where batches go; None leaves them in this process's memory.
        part: (rank, number of ranks): this process's items of every step.

    Attributes:
        batch_size: as given.
        counts: items of a step that are of each dataset, over all processes.
        steps_per_epoch: steps in which as many items pass as the data hold.

    Raises:
        HandbenchError: for data without items, or too few of them for a batch.
    """

    def __init__(
        self,
        shares: Sequence[Share],
        trainable: Trainable,
        batch_size: int,
        augment: str,
        seed: int,
        workers: int = 0,
        device: str | None = None,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        ranks, self.batch_size = part[1], batch_size
        if batch_size % ranks:
            raise HandbenchError(
                f"a batch of {batch_size} does not divide among {ranks} processes", "change --batch-size"
            )
        few = -(-workers // len(shares))
        more: dict[str, Any] = {
            "augment": augment, "seed": seed, "workers": few, "shuffle": True, "drop_last": True,
            "device": None if device in (None, "cpu") else device, "part": part,
            "vertices": trainable.vertices,
        }  # fmt: skip

        def opened(counts: Sequence[int]) -> list[Any]:
            pairs = zip(shares, counts, strict=True)
            return [batches(share.dataset, trainable.train_inputs, count, **more) for share, count in pairs]

        weights = [share.weight for share in shares]
        if len(shares) == 1:
            weights = [1.0]
        elif None in weights:
            weights = [float(loop.items) for loop in opened([1] * len(shares))]
        own = apportion(batch_size // ranks, [weight or 1.0 for weight in weights])
        self.counts = [count * ranks for count in own]
        self._loops = opened(own)
        for share, loop, count in zip(shares, self._loops, self.counts, strict=True):
            if not len(loop):
                raise HandbenchError(
                    f"{share.dataset.name} {share.dataset.split} has {loop.items * ranks} items, a batch"
                    f" takes {count} of them",
                    "give a smaller --batch-size",
                )
        items = sum(loop.items * ranks for loop in self._loops)
        self.steps_per_epoch = len(self._loops[0]) if len(shares) == 1 else max(items // batch_size, 1)

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """Gives the batches of step ``first`` and all that follow, without end."""
        streams = [_stream(loop, first) for loop in self._loops]
        while True:
            # Here and not around the loop: starting workers draws from the process's random stream.
            with torch.random.fork_rng(devices=[]):
                parts = [next(stream) for stream in streams]
            yield parts[0] if len(parts) == 1 else joined(parts)
            del parts


def apportion(count: int, weights: Sequence[float]) -> list[int]:
    """Divides a number by weights into whole numbers: each quota rounded down, the largest remainders up.

    Raises:
        HandbenchError: when one would be 0.
    """
    quotas = [count * weight / sum(weights) for weight in weights]
    out = [int(quota) for quota in quotas]
    by_rest = sorted(range(len(out)), key=lambda k: (out[k] - quotas[k], k))
    for k in by_rest[: count - sum(out)]:
        out[k] += 1
    if min(out) < 1:
        raise HandbenchError(
            f"a batch of {count} holds nothing of data with weight {weights[out.index(min(out))]:g} of"
            f" {sum(weights):g}",
            "give a larger --batch-size, or another --mix",
        )
    return out


def _stream(loop: Any, first: int) -> Iterator[Batch]:
    epoch, at = divmod(first, len(loop))
    while True:
        loop.set_epoch(epoch, at)
        yield from loop
        epoch, at = epoch + 1, 0


def joined(parts: Sequence[Batch]) -> Batch:
    """Puts batches of the same inputs one after the other."""
    values = {field.name: _joined([getattr(part, field.name) for part in parts]) for field in fields(Batch)}
    return Batch(**{**values, "keys": tuple(key for part in parts for key in part.keys)})


def _joined(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, torch.Tensor):
        if first.dtype == torch.uint8 and first.ndim >= 4:
            # Pictures stay channels last in memory.
            return torch.cat([value.movedim(-3, -1) for value in values]).movedim(-1, -3)
        return torch.cat(values)
    if isinstance(first, Labels):
        names = [field.name for field in fields(Labels)]
        return replace(first, **{name: _joined([getattr(value, name) for value in values]) for name in names})
    if isinstance(first, tuple) and first and isinstance(first[0], Labels):
        return tuple(_joined(list(frames)) for frames in zip(*values, strict=True))
    return first
