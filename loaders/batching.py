"""``batches(...)``: a dataset as torch batches, crops and augmentation included, with or without workers."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

from handbench.datasets import DataRef, Dataset
from handbench.errors import HandbenchError
from handbench.inputs import Inputs
from handbench.loaders.augment import Augment, named
from handbench.loaders.batch import Batch, to_batch
from handbench.loaders.batch_checks import check_choices, check_kinds, check_numbers, open_device
from handbench.loaders.batch_items import Items, list_items
from handbench.loaders.batch_labels import SIDES, RestWrists
from handbench.loaders.batch_maker import BatchMaker, Made, OnBad
from handbench.loaders.batch_slots import Slots
from handbench.loaders.batch_sources import open_source
from handbench.loaders.batch_workers import Task, Tasks, leave_if_imported_again, same, start_worker, watched
from handbench.seeding import rng_for
from handbench.subset import Subset

_AHEAD, _HERE = 2, 3
_SAID = 5


def batches(
    data: Dataset | DataRef | str,
    inputs: Inputs | None = None,
    batch_size: int = 64,
    augment: Augment | str | None = None,
    seed: int = 0,
    epoch: int = 0,
    workers: int = 0,
    shuffle: bool = False,
    drop_last: bool = False,
    device: str | torch.device | None = None,
    bad: OnBad | None = None,
    max_bad: float = 0.001,
    part: tuple[int, int] = (0, 1),
    vertices: bool = False,
    hand_model: str | None = None,
    start: str | None = None,
) -> Batches:
    """Makes torch batches of a dataset; what comes depends on data, inputs, seed and epoch, not on workers.

    Args:
        data: a dataset, or a reference ``NAME:PATH[@key=value,...]``.
        inputs: what the model declares; a 256 x 256 crop about each hand by default, right and left.
        batch_size: items of a batch.
        augment: settings, the name of a preset (``handoccnet``, ``ifvonet``, ``full`` ...), or None.
        seed: of order and augmentation.
        epoch: the first epoch; ``set_epoch`` chooses another.
        workers: processes that make batches; 0 makes them here.
        shuffle: another order every epoch.
        drop_last: leave out a last batch that is not full.
        device: where the tensors go; this process's memory by default.
        bad: ``replace`` a sample that cannot be used by another one, ``skip`` it, or stop with its
            ``error``. By default they are replaced where data are shuffled, else skipped.
        max_bad: share of bad samples beyond which the run stops.
        part: (rank, number of ranks): this process's share of every epoch; all get equally many items.
        vertices: also give each hand's vertices.
        hand_model: ``procedural`` or ``mano:DIR``, the model that MANO parameters are of; needed where
            joints were measured apart from them (InterHand2.6M), see docs/loading.md.
        start: how workers start: ``fork``, ``spawn``, ``forkserver``; the platform's own by default.

    Raises:
        HandbenchError: for data that cannot be opened, hold nothing to make batches of, or settings that
            contradict the inputs.
    """
    check_numbers(batch_size, workers, part, max_bad)
    check_choices(bad, start)
    check_kinds(data, inputs, augment)
    target = open_device(device)
    settings = named(augment)
    if isinstance(data, str):
        data = DataRef.parse(data)
    dataset = data.open() if isinstance(data, DataRef) else data
    if inputs is None:
        whole = dataset
        while isinstance(whole, Subset):
            whole = whole.whole
        inputs = Inputs(sides=getattr(whole, "sides", "both"))
    settings.check(inputs)
    source, index = open_source(dataset)
    items = list_items(dataset, inputs)
    items = Items(index[items.index], items.side)
    on_bad: OnBad = bad or ("replace" if shuffle else "skip")
    wrists = None if hand_model is None else _rest_wrists(hand_model)
    maker = BatchMaker(source, items, inputs, settings, seed, on_bad, vertices, wrists)
    loop = Batches(maker, batch_size, workers, shuffle, drop_last, target, max_bad, part, start)
    loop.set_epoch(epoch)
    return loop


def _rest_wrists(name: str) -> RestWrists:
    # Imported here: it takes a worker that is spawned a second, and few need it.
    from handbench.hands.library import load_hand_model

    models = [load_hand_model(name, side) for side in SIDES]
    return RestWrists(
        np.stack([model.rest_joints[0] for model in models]),
        np.stack([model.joint_shapedirs[0] for model in models]),
    )


class Batches:
    """The batches of an epoch, as often as it is iterated; see :func:`batches`.

    Workers are started by the first iteration and kept for the next epochs.

    Attributes:
        inputs: what the model declares.
        bad: key -> what was wrong, of every sample that could not be used so far.
    """

    def __init__(
        self,
        maker: BatchMaker,
        batch_size: int,
        workers: int,
        shuffle: bool,
        drop_last: bool,
        device: torch.device | None,
        max_bad: float,
        part: tuple[int, int],
        start: str | None,
    ) -> None:
        self.inputs, self.bad, self._epoch = maker.inputs, dict[str, str](), 0
        self._first = 0
        self._maker, self._batch_size, self._workers = maker, batch_size, workers
        self._shuffle, self._drop_last, self._max_bad = shuffle, drop_last, max_bad
        self._device = device
        self._part, self._start = part, start
        self._loader: DataLoader[Any] | None = None
        self._slots: Slots | None = None

    def set_epoch(self, epoch: int, first: int = 0) -> None:
        """Chooses the epoch that the next iteration gives, and the batch of it that comes first."""
        self._epoch, self._first = epoch, first

    @property
    def items(self) -> int:
        """Number of items of an epoch, in this process's part."""
        return len(self._maker.items) // self._part[1] if self._part[1] > 1 else len(self._maker.items)

    def __len__(self) -> int:
        """Number of batches of an epoch."""
        whole, rest = divmod(self.items, self._batch_size)
        return whole + bool(rest and not self._drop_last)

    def _order(self) -> npt.NDArray[np.int64]:
        """Returns the epoch's items: its order depends on (seed, epoch) alone."""
        count = len(self._maker.items)
        order = np.arange(count)
        if self._shuffle:
            order = rng_for(self._maker.seed, "order", self._epoch).permutation(count)
        rank, ranks = self._part
        return order[: self.items * ranks][rank::ranks]

    def _tasks(self) -> Iterator[Task]:
        chosen = range(self._first, len(self))
        return _tasks(self._slots, self._epoch, self._order(), self._batch_size, chosen)

    def __iter__(self) -> Iterator[Batch]:
        """Gives the batches of the epoch.

        Raises:
            HandbenchError: when more than ``max_bad`` of the samples are bad, or a worker ended.
        """
        for made, images in self._made():
            self._count_bad(made)
            if not len(made.keys):
                continue
            batch = to_batch(made, self.inputs, images)
            if self._device is not None:
                if self._device.type == "cuda":
                    batch = batch.pin_memory()
                batch = batch.to(self._device, non_blocking=True)
            del made, images
            yield batch
            del batch

    def _made(self) -> Iterator[tuple[Made, torch.Tensor]]:
        if self._workers == 0:
            # Buffers are used again here too: first touching fresh memory costs a tenth of decoding.
            slots = self._open_slots(_HERE)
            for slot, epoch, chosen in self._tasks():
                out = None if slot < 0 else slots.buffers[slot].numpy()
                made = self._maker.make(epoch, chosen, out)
                count = len(made.keys)
                yield (
                    made,
                    torch.from_numpy(made.canvas.images) if out is None else slots.hand_out(slot, count),
                )
                del made, out
            return
        leave_if_imported_again()
        for slot, found in watched(self._open_loader(), self._start):
            if isinstance(found, Exception):
                raise found
            made, images = found
            if slot >= 0:
                images = cast(Slots, self._slots).hand_out(slot, len(made.keys))
            yield made, images
            del made, images, found

    def _open_slots(self, count: int) -> Slots:
        if self._slots is None:
            width, height = self.inputs.size
            self._slots = Slots(count, (self._batch_size, self.inputs.frames, height, width, 3))
        return self._slots

    def _open_loader(self) -> DataLoader[Any]:
        if self._loader is None:
            slots = self._open_slots(_AHEAD * self._workers + 2)
            self._loader = DataLoader(
                Tasks(self._maker, slots.buffers),
                batch_sampler=cast(Any, _Sampler(self)),
                num_workers=self._workers,
                collate_fn=same,
                worker_init_fn=start_worker,
                prefetch_factor=_AHEAD,
                persistent_workers=True,
                multiprocessing_context=self._start,
            )
        return self._loader

    def _count_bad(self, made: Made) -> None:
        for _, key, what in made.bad:
            if key not in self.bad:
                self.bad[key] = what
                if len(self.bad) <= _SAID:
                    print(f"bad sample, {self._maker.on_bad}: {what}", file=sys.stderr, flush=True)
        most = self._max_bad * len(self._maker.items)
        if len(self.bad) > most:
            first = next(iter(self.bad.values()))
            raise HandbenchError(
                f"{len(self.bad)} bad samples of {len(self._maker.items)}, more than {self._max_bad:.3g} of"
                f" them; the first: {first}",
                "mend the data, or raise max_bad",
            )


def _tasks(
    slots: Slots | None, epoch: int, order: npt.NDArray[np.int64], size: int, chosen: range
) -> Iterator[Task]:
    """Gives the tasks of an epoch, without holding the :class:`Batches` that they are of."""
    if slots is not None:
        slots.reclaim()
    for i in chosen:
        slot = -1 if slots is None else slots.take()
        yield slot, epoch, order[i * size : (i + 1) * size].tolist()


class _Sampler:
    """Gives the tasks of an epoch to the loader, which asks in this process.

    It does not hold its owner, which holds the loader: in a cycle, the garbage collector would end the
    queues before torch says through them that workers may go, and torch then waits five seconds for each.
    """

    def __init__(self, owner: Batches) -> None:
        self._owner = weakref.ref(owner)

    def __iter__(self) -> Iterator[Task]:
        return self._there()._tasks()

    def __len__(self) -> int:
        return len(self._there())

    def _there(self) -> Batches:
        owner = self._owner()
        assert owner is not None, "its loader is iterated by the owner alone"
        return owner
