"""What stops a run, each in one line: losses that are not finite, batches that do not fit the memory."""

from __future__ import annotations

import io
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from handbench.errors import HandbenchError
from handbench.store.files import replace_durably
from handbench.train.meter import Reading
from handbench.train.step import Stepper

_NAMED = 3


def batch_arrays(batch: Any) -> dict[str, Any]:
    """Returns the tensors of a batch as arrays by name; labels of earlier frames as ``earlier.0.NAME``."""
    found: dict[str, Any] = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        if isinstance(value, torch.Tensor):
            found[field.name] = value.cpu().numpy()
        elif field.name == "earlier":
            for k, labels in enumerate(value):
                found |= {f"earlier.{k}.{name}": array for name, array in batch_arrays(labels).items()}
        elif isinstance(value, tuple):
            found[field.name] = np.array(value, np.str_)
    return found


def save_batch(folder: Path, batch: Any, reading: Reading, rank: int) -> Path:
    """Writes a batch, and what its step gave, to ``folder/step-NNNNNNNN[.RANK].npz``."""
    folder.mkdir(exist_ok=True)
    words = f"step-{reading.step:08d}" + (f".{rank}" if rank else "")
    file = io.BytesIO()
    values = {f"loss.{name}": value for name, value in reading.values.items()}
    np.savez_compressed(file, allow_pickle=False, step=reading.step, **values, **batch_arrays(batch))
    path = folder / f"{words}.npz"
    replace_durably(path, file.getvalue())
    return path


def not_finite(reading: Reading, batch: Any, saved: Path, checkpoint: Path | None) -> HandbenchError:
    """Returns the error of a loss or gradient that is not finite."""
    what = ", ".join(f"{name} is {reading.values[name]}" for name in reading.wrong[:_NAMED])
    keys = ", ".join(batch.keys[:_NAMED])
    more = f" and {len(batch.keys) - _NAMED} more" if len(batch.keys) > _NAMED else ""
    kept = f"the last good checkpoint is {checkpoint}" if checkpoint else "there is no checkpoint yet"
    return HandbenchError(
        f"step {reading.step}: {what}; the batch ({keys}{more}) is in {saved}",
        f"{kept}; try a lower --lr, --clip-norm, or --precision fp32",
    )


def does_not_fit(stepper: Stepper, batch: Any, device: torch.device, ranks: int) -> HandbenchError:
    """Finds which batch fits the memory, by halves, and returns the error that says so."""
    stepper.empty()
    count = len(batch)
    fitting = count // 2
    while fitting and not stepper.fits(batch.part(0, fitting)):
        fitting //= 2
    where = _device_words(device)
    if not fitting:
        return HandbenchError(f"not even one item fits the memory of {where}", "use another device")
    whole = fitting * ranks
    return HandbenchError(
        f"a batch of {count * ranks} does not fit the memory of {where}, {whole} would",
        f"give --batch-size {whole}",
    )


def _device_words(device: torch.device) -> str:
    if device.type != "cuda":
        return f"the {device.type.upper()}"
    found = torch.cuda.get_device_properties(device)
    return f"{device} ({found.name}, {found.total_memory / 2**30:.0f} GiB)"
