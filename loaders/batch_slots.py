"""Shared memory that workers draw pictures into: a slot is used again once nobody holds its tensors."""

from __future__ import annotations

import threading
import weakref

import torch


class Slots:
    """A fixed number of buffers in shared memory.

    Sending a tensor between processes maps fresh memory each time: with pictures that costs about as much as
    decoding a fifth of them. Here a worker draws into a buffer that both sides mapped once.

    Args:
        count: how many buffers.
        shape: of each, uint8.
    """

    def __init__(self, count: int, shape: tuple[int, ...]) -> None:
        self.buffers = [torch.empty(shape, dtype=torch.uint8) for _ in range(count)]
        for buffer in self.buffers:
            buffer.share_memory_()  # type: ignore[no-untyped-call]
        self._free = list(range(count))
        self._given: set[int] = set()
        self._lock = threading.Lock()

    def take(self) -> int:
        """Returns a free slot for a worker to draw into, or -1 where all are in use."""
        with self._lock:
            if not self._free:
                return -1
            slot = self._free.pop()
            self._given.add(slot)
            return slot

    def hand_out(self, slot: int, count: int) -> torch.Tensor:
        """Returns the first ``count`` items of a drawn slot; it is free again when no tensor uses it."""
        array = self.buffers[slot].numpy()[:count]
        with self._lock:
            self._given.discard(slot)
        # torch keeps ``array`` alive as long as any view of the tensor is.
        weakref.finalize(array, self._release, slot)
        return torch.from_numpy(array)

    def reclaim(self) -> None:
        """Frees slots whose batches were never handed out, as their epoch was left early."""
        with self._lock:
            self._free.extend(self._given)
            self._given.clear()

    def _release(self, slot: int) -> None:
        with self._lock:
            self._free.append(slot)
