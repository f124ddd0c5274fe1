"""Processes that make batches: what each holds, what it is asked, and what is said when one ends."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from typing import Any, NoReturn

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset as TorchDataset

from handbench.errors import HandbenchError
from handbench.loaders.batch_maker import BatchMaker, Made

Task = tuple[int, int, list[int]]
"""Slot, epoch, item numbers."""

_GUARD = 'put the loop under `if __name__ == "__main__":`'


class Tasks(TorchDataset[Any]):
    """What a worker has: the maker, and the buffers that it draws into."""

    def __init__(self, maker: BatchMaker, buffers: list[torch.Tensor]) -> None:
        self._maker, self._buffers = maker, buffers

    def __getitems__(self, task: Task) -> tuple[int, tuple[Made, torch.Tensor | None] | Exception]:
        slot, epoch, chosen = task
        out = None if slot < 0 else self._buffers[slot].numpy()
        try:
            made = self._maker.make(epoch, chosen, out)
        except HandbenchError as error:
            # As it is: torch would make a traceback its message.
            return slot, error
        images = torch.from_numpy(made.canvas.images) if out is None else None
        made.canvas.images = np.empty((0, 0, 0, 0, 0), np.uint8)
        return slot, (made, images)


def same(found: Any) -> Any:
    """Returns what a worker made as it is: it is a batch already."""
    return found


def start_worker(number: int) -> None:
    """One process is one core.

    0 and not 1: where the parent has used OpenCV's threads, 1 waits in a forked child for ever for a pool
    that the fork did not copy (measured, OpenCV 5.0); 0 works without the pool.
    """
    cv2.setNumThreads(0)


def leave_if_imported_again() -> None:
    """Ends a worker that is still being started: it runs the script that started it, from its first line.

    Raises:
        SystemExit: in such a worker, with one line; its parent raises the error.
    """
    if getattr(multiprocessing.process.current_process(), "_inheriting", False):
        raise SystemExit(f"handbench: a worker runs the script again that started it; {_GUARD}")


def watched(loader: Any, start: str | None) -> Iterator[Any]:
    """Gives what the workers of a loader make.

    Args:
        loader: torch's.
        start: how its workers start.

    Raises:
        HandbenchError: when a worker ended before its work was done.
    """
    given = False
    try:
        for found in loader:
            given = True
            yield found
            del found
    except (BrokenPipeError, ConnectionResetError, EOFError) as error:
        _fail(error, start, given)
    except RuntimeError as error:
        if "exited unexpectedly" not in str(error):
            raise
        _fail(error, start, given)


def _fail(error: Exception, start: str | None, given: bool) -> NoReturn:
    how = start or multiprocessing.get_start_method()
    what = " ".join(str(error).split()) or type(error).__name__
    if how != "fork" and not given:
        raise HandbenchError(
            f"workers that start by {how} ended before they gave a batch ({what})",
            f"such a worker imports your script first: {_GUARD}, or start='fork'",
        ) from None
    raise HandbenchError(
        f"a worker ended before its work was done ({what})",
        "was it killed, or memory short? try fewer workers; workers=0 shows errors where they are",
    ) from None
