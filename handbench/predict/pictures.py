"""Predicts with models that look at pictures: crops by the batcher, in parts that fit the memory."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from handbench.datasets import Dataset
from handbench.errors import HandbenchError
from handbench.inputs import Inputs
from handbench.interrupts import StopSignals
from handbench.memory import available_memory
from handbench.models import Model
from handbench.predict.parts import Part
from handbench.prediction_columns import columns_of
from handbench.predictions import Prediction
from handbench.subset import Subset

_PART_BYTES, _PART_ROWS, _PART_SECONDS = 64 << 20, 20_000, 60.0
_CPU_MOST, _CUDA_FIRST = 64, 256
# A ResNet holds about this many times its input while it runs on a CPU.
_ACTIVATIONS = 64


def choose_batch_size(inputs: Inputs, device: str) -> int:
    """Returns how many items a batch has: on a CPU what memory holds; a GPU says when it is too many."""
    if not device.startswith("cpu"):
        return _CUDA_FIRST
    width, height = inputs.size
    item = inputs.frames * 3 * 4 * width * height * _ACTIVATIONS
    fits = max(available_memory() // 4 // item, 1)
    return int(min(1 << int(fits).bit_length() - 1, _CPU_MOST))


def picture_parts(
    model: Model,
    name: str,
    dataset: Dataset,
    first: int,
    batch_size: int,
    workers: int,
    device: str,
    tick: Callable[[int], None] = lambda samples: None,
    signals: StopSignals | None = None,
) -> Iterator[Part]:
    """Gives the predictions of samples ``first`` to the end, in parts of at most 64 MB or a minute.

    Args:
        model: with inputs.
        name: of the model, for errors.
        dataset: all samples.
        first: sample to begin with.
        batch_size: items of a batch.
        workers: processes that make batches.
        device: where the model runs.
        tick: is told how many more samples are done.
        signals: after one, what is predicted already is the last part.

    Raises:
        HandbenchError: when nothing can be cropped, one item does not fit the memory, or the model gives
            other items than it was asked for.
    """
    signals = signals or StopSignals()
    assert model.inputs is not None
    with signals.mode(raises=True):
        from handbench.loaders import batches

        inputs = _without_labels(model.inputs) if not model.needs_ground_truth else model.inputs
        # What is left begins with a sample that has an item: the last of a part is the one before it.
        rest = Subset(dataset, range(first, len(dataset))) if first else dataset
        pending = _Pending(model, rest.keys)
        loop = batches(
            rest, inputs, batch_size, bad="skip", max_bad=1.0, workers=workers,
            device=None if device == "cpu" else device, vertices=model.needs_ground_truth,
        )  # fmt: skip
        runner = Runner(model, name, batch_size)
    told = (batch if model.needs_ground_truth else batch.without_labels(inputs.boxes) for batch in loop)
    answers = map(runner, told)
    for found in signals.each(answers):
        before = pending.last
        pending.add(found)
        tick(pending.last - before)
        if pending.full:
            yield pending.part(pending.last, loop.bad)
    if signals.stopped():
        if pending.last > pending.first:
            yield pending.part(pending.last, loop.bad)
        return
    tick(len(rest) - pending.last)
    yield pending.part(len(rest), loop.bad)


def _without_labels(inputs: Inputs) -> Inputs:
    """Returns inputs without what only training reads, so that it is not made."""
    return dataclasses.replace(inputs, masks=(), target_image=False, supervise="current")


class Runner:
    """Runs a model on batches; where one does not fit the memory, in halves from then on.

    Args:
        model: with inputs.
        name: for errors.
        size: items that are tried at first.
    """

    def __init__(self, model: Model, name: str, size: int) -> None:
        self.model, self.name, self.size = model, name, size

    def __call__(self, batch: Any) -> list[Prediction]:
        """Returns one prediction an item.

        Raises:
            HandbenchError: when not even one item fits, or the model gives other items.
        """
        import torch

        out: list[Prediction] = []
        while len(out) < len(batch):
            piece = batch if self.size >= len(batch) else batch.part(len(out), len(out) + self.size)
            full = ""
            try:
                # Not inference mode: a model that fits at test time needs gradients.
                with torch.no_grad():
                    found = self.model.predict(piece)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                full = str(error).partition("\n")[0] or type(error).__name__
            if full:
                # Outside of the handler: the error holds the tensors that filled the memory.
                self._halve(len(piece), full)
                continue
            out += self._checked(found, piece.keys)
        return out

    def _halve(self, tried: int, reason: str) -> None:
        if tried == 1:
            raise HandbenchError(
                f"model {self.name!r} does not fit the memory with one item: {reason}", "use another device"
            )
        self.size = tried // 2
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()
        print(f"{tried} items do not fit the memory: {self.size} from here on", file=sys.stderr, flush=True)

    def _checked(self, found: Any, keys: Sequence[str]) -> list[Prediction]:
        if not isinstance(found, list) or [item.key for item in found] != list(keys):
            count = len(found) if isinstance(found, list) else type(found).__name__
            raise HandbenchError(
                f"model {self.name!r} gave {count} for {len(keys)} items",
                "return a list with one Prediction an item, with its key, in the batch's order",
            )
        return found


def out_of_memory(error: BaseException) -> bool:
    """Tells whether an error says that memory ran out: Python's, CUDA's, cuBLAS's, or torch's on a CPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    words = ("can't allocate memory", "not enough memory", "ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


class _Pending:
    """Predictions that wait for their sample to be whole, and samples that wait to be a part.

    Items come in the order of the samples, so a sample is whole when a later one has come.
    """

    def __init__(self, model: Model, keys: Sequence[str]) -> None:
        self._model, self._keys = model, keys
        self.first, self.last = 0, 0
        self._waiting: list[Prediction] = []
        self._bytes, self._since = 0, time.monotonic()

    @property
    def full(self) -> bool:
        """Whether what is whole should be written now."""
        rows = self.last - self.first
        late = time.monotonic() - self._since > _PART_SECONDS
        return rows > 0 and (self._bytes >= _PART_BYTES or rows >= _PART_ROWS or late)

    def add(self, found: list[Prediction]) -> None:
        """Adds the predictions of a batch."""
        for prediction in found:
            while self._keys[self.last] != prediction.key:
                self.last += 1
            self._bytes += _bytes(prediction)
        self._waiting += found

    def part(self, stop: int, bad: dict[str, str]) -> Part:
        """Returns the samples before ``stop`` that have not been returned yet."""
        keys = [self._keys[i] for i in range(self.first, stop)]
        model, chosen = self._model, set(keys)
        whole = [prediction for prediction in self._waiting if prediction.key in chosen]
        self._waiting = self._waiting[len(whole) :]
        self._bytes, self._since = sum(map(_bytes, self._waiting)), time.monotonic()
        self.first = stop
        rows = columns_of(keys, whole, model.space, model.tips, model.hand_model)
        return Part(rows, {key: what for key, what in bad.items() if key in chosen})


def _bytes(prediction: Prediction) -> int:
    """Returns the bytes of a prediction's arrays, about."""
    parts: list[Any] = [prediction, *prediction.hands]
    values = [getattr(part, field.name) for part in parts for field in dataclasses.fields(part)]
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))
