"""Checkpoints: all that a run needs to go on as if it had not stopped. Whole or absent, the last two kept."""

from __future__ import annotations

import contextlib
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xxhash

from handbench.errors import CorruptError, HandbenchError
from handbench.store.files import fail_writing, read_sealed, replace_durably, seal, sync_folder

SCHEMA = "handbench-checkpoint/1"
KEPT = 2
_CHUNK = 16 << 20


@dataclass(frozen=True)
class Checkpoint:
    """A state of a run.

    Attributes:
        step: steps done; with the data's order, which depends on it alone, the place in the data.
        spent: time that they took [s].
        finished: whether the run is over.
        identity: hash of what the run is.
        network: the network's state.
        optimiser: the optimiser's state.
        random: random states, one a process.
    """

    step: int
    spent: float
    finished: bool
    identity: str
    network: dict[str, Any]
    optimiser: dict[str, Any]
    random: list[dict[str, Any]]


class Checkpoints:
    """The checkpoints of a run: ``step-NNNNNNNN.pt`` and a sealed JSON beside each.

    A file of tensors counts when its JSON is there and names its hash: torch does not check the bytes it
    reads.

    Args:
        folder: where they lie.
        identity: hash of what the run is.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self.folder, self._identity = folder, identity

    def paths(self) -> list[Path]:
        """Returns the checkpoints, the newest first."""
        return sorted((path.with_suffix(".pt") for path in self.folder.glob("step-*.json")), reverse=True)

    def save(self, state: Checkpoint) -> Path:
        """Writes a checkpoint and drops those before the last two.

        Raises:
            PartialError: when the disk is full; the ones before are kept.
        """
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"step-{state.step:08d}.pt"
        fresh = path.with_suffix(f".tmp.{os.getpid()}")
        content = {name: getattr(state, name) for name in _FIELDS}
        try:
            with fresh.open("wb") as file:
                torch.save(content, file)
                file.flush()
                os.fsync(file.fileno())
            # One of the same step is replaced: without its JSON it does not count while that happens.
            path.with_suffix(".json").unlink(missing_ok=True)
            fresh.rename(path)
            sync_folder(self.folder)
            about = {
                "schema": SCHEMA, "step": state.step, "spent": state.spent, "finished": state.finished,
                "identity": state.identity, "xxh3_128": _hash(path), "bytes": path.stat().st_size,
            }  # fmt: skip
            replace_durably(path.with_suffix(".json"), seal(about))
        except (OSError, RuntimeError) as error:
            fresh.unlink(missing_ok=True)
            if isinstance(error, OSError):
                fail_writing(path, error)
            raise
        for old in self.paths()[KEPT:]:
            old.with_suffix(".json").unlink(missing_ok=True)
            old.unlink(missing_ok=True)
        return path

    def latest(self) -> Checkpoint | None:
        """Reads the newest checkpoint that is whole; None where there is none at all.

        Raises:
            CorruptError: when none of those that are there is whole.
            HandbenchError: when it is of another run.
        """
        for leftover in self.folder.glob("*.tmp.*"):
            leftover.unlink(missing_ok=True)
        found = self.paths()
        for path in found:
            try:
                return self._read(path)
            except CorruptError as error:
                print(f"{error}: the one before is taken", file=sys.stderr, flush=True)
        if found:
            raise CorruptError(
                f"no checkpoint in {self.folder} is whole", "begin anew: --on-existing overwrite"
            )
        return None

    def _read(self, path: Path) -> Checkpoint:
        about = read_sealed(path.with_suffix(".json"), SCHEMA)
        if about["identity"] != self._identity:
            raise HandbenchError(
                f"{path} is of another run", "it does not belong into this folder: remove it and its JSON"
            )
        if not path.is_file() or _hash(path) != about["xxh3_128"]:
            raise CorruptError(f"{path} is damaged")
        content = torch.load(path, map_location="cpu", weights_only=True)
        return Checkpoint(**content)


_FIELDS = ("step", "spent", "finished", "identity", "network", "optimiser", "random")


def _hash(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def random_state(device: torch.device) -> dict[str, Any]:
    """Returns the random states of this process as plain values and tensors."""
    kind, keys, place, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    version, words, last = random.getstate()
    found: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": [str(kind), np.asarray(keys).tolist(), int(place), int(has_gauss), float(gauss)],
        "python": [version, list(words), last],
    }
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    return found


def set_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Puts the random states of this process back."""
    torch.set_rng_state(state["torch"])
    kind, keys, place, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, np.array(keys, np.uint32), place, has_gauss, gauss))  # noqa: NPY002
    version, words, last = state["python"]
    random.setstate((version, tuple(words), last))
    if device.type == "cuda" and "cuda" in state:
        # A state of another kind of GPU does not fit; its kernels give other numbers anyway.
        with contextlib.suppress(RuntimeError):
            torch.cuda.set_rng_state(state["cuda"], device)


def seed_everything(seed: int, rank: int) -> None:
    """Starts the random states of this process from a seed."""
    from handbench.seeding import rng_for

    drawn = int(rng_for(seed, "train", rank).integers(2**31))
    torch.manual_seed(drawn)
    np.random.seed(drawn)  # noqa: NPY002
    random.seed(drawn)
