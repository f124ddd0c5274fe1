"""One model over one dataset: what is there is kept, what is missing is predicted, the parts are merged."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handbench.datasets import Dataset
from handbench.errors import HandbenchError
from handbench.formats.predictions import read_provenance
from handbench.formats.predictions_parts import Parts
from handbench.interrupts import StopSignals
from handbench.predict.blind import blind_parts
from handbench.predict.existing import OnExisting, survey
from handbench.predict.identity import box_source, model_settings, root_source
from handbench.predict.names import Opened
from handbench.predict.parts import Part
from handbench.predict.pictures import choose_batch_size, picture_parts
from handbench.progress import Progress
from handbench.provenance import collect

_SAID, _NOTED = 5, 100


@dataclass(frozen=True)
class Report:
    """What a run gave.

    Attributes:
        path: of the prediction file.
        model: name, with filters.
        dataset: name, with version.
        split: of the dataset.
        samples: rows of the file.
        bad: how many of them are NaN because their sample could not be read.
        device: that the model ran on; ``cpu`` for one that needs no pictures.
        seconds: that the run took.
        reused: whether the file was there already.
        identity: what decided it.
    """

    path: Path
    model: str
    dataset: str
    split: str
    samples: int
    bad: int
    device: str
    seconds: float
    reused: bool
    identity: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return {**dataclasses.asdict(self), "path": str(self.path)}


@dataclass(frozen=True)
class Job:
    """What is predicted, and how.

    Attributes:
        opened: the model.
        dataset: the data.
        identity: of the file.
        reference: to the data, as the user spelt it.
        batch_size: items of a batch, None for what fits.
        workers: processes that make batches.
        max_bad: share of samples that may be unreadable.
        quiet: say nothing.
        signals: that stop it.
    """

    opened: Opened
    dataset: Dataset
    identity: Mapping[str, str]
    reference: str
    batch_size: int | None
    workers: int
    max_bad: float
    quiet: bool
    signals: StopSignals

    def run(self, out: Path, on_existing: OnExisting) -> bool:
        """Makes the file complete; says whether it was so already.

        Raises:
            HandbenchError: for a file of something else, too many bad samples, or what the model does wrong.
            PartialError: when the disk is full.
            Stopped: after a signal; what is predicted is kept.
        """
        if survey(out, self.identity, on_existing):
            return True
        keys, label = self.dataset.keys, f"predict {self.opened.name}"
        if not keys:
            raise HandbenchError(f"{self.dataset.name} {self.dataset.split} has no samples", "predict others")
        with Parts(out, keys, self.identity) as parts:
            if parts.done and not self.quiet:
                print(f"{label}: {parts.done} of {len(keys)} samples are there", file=sys.stderr, flush=True)
            with (
                Progress(len(keys), label, done=parts.done, quiet=self.quiet) as progress,
                self.signals.mode(raises=False),
            ):
                for part in self._parts(parts.done, progress.advance) if parts.done < len(keys) else ():
                    parts.add(part.rows, part.bad)
                    self._check_bad(parts)
                if self.signals.stopped():
                    raise self.signals.error(f"stopped after {parts.done:,} of {len(keys):,} samples")
            self._check_bad(parts)
            parts.merge(self._provenance(parts.bad))
        return False

    def _parts(self, first: int, tick: Callable[[int], None]) -> Iterator[Part]:
        model, name, dataset = self.opened.model, self.opened.name, self.dataset
        if model.inputs is None:
            with self.signals.mode(raises=True):
                truth = dataset.ground_truth()
            found = self.signals.each(blind_parts(model, name, truth, first, self.batch_size, tick))
        else:
            size = self.batch_size or choose_batch_size(model.inputs, self.opened.device)
            device = self.opened.device
            found = picture_parts(model, name, dataset, first, size, self.workers, device, tick, self.signals)
        for part in found:
            yield dataclasses.replace(part, rows=self._named(part))

    def _named(self, part: Part) -> Any:
        """Returns the rows with what the file says of itself."""
        dataset, model = self.dataset, self.opened.model
        return dataclasses.replace(
            part.rows, dataset=dataset.name, dataset_fingerprint=dataset.fingerprint, split=dataset.split,
            box_source=part.rows.box_source or box_source(model, dataset),
            root_source=part.rows.root_source or root_source(model), path="",
        )  # fmt: skip

    def _check_bad(self, parts: Parts) -> None:
        most = self.max_bad * len(self.dataset)
        if len(parts.bad) > most:
            raise HandbenchError(
                f"{len(parts.bad)} of {len(self.dataset)} samples cannot be read, more than"
                f" {self.max_bad:.3g} of them; the first: {next(iter(parts.bad.values()))}",
                "mend the data and predict with --on-existing overwrite, or raise --max-bad",
            )

    def _provenance(self, bad: Mapping[str, str]) -> dict[str, Any]:
        model = self.opened.model
        return {
            "identity": dict(self.identity),
            "model": {
                "name": self.opened.name,
                "weights_sha256": model.weights_sha256,
                "train_data": str(getattr(model, "train_data", "")),
                **_numbers(model),
            },
            "settings": model_settings(model, self.dataset),
            "data": self.reference,
            "needs_ground_truth": model.needs_ground_truth,
            "random_init": not model.trained,
            "device": device_name(self.opened.device),
            "bad": {"count": len(bad), "first": dict(list(bad.items())[:_NOTED])},
            "code": collect().to_dict(),
        }

    def report(self, out: Path, identity: Mapping[str, str], seconds: float, reused: bool) -> Report:
        """Returns what was done."""
        bad = read_provenance(out).get("bad", {}).get("count", 0)
        return Report(
            out, "+".join([self.opened.name, *self.opened.filters]), self.dataset.name, self.dataset.split,
            len(self.dataset), bad, self.opened.device, seconds, reused, identity,
        )  # fmt: skip


def _numbers(model: Any) -> dict[str, float]:
    """Returns what a model says of its size."""
    found = {name: getattr(model, name, None) for name in ("parameters", "flops")}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def device_name(device: str) -> str:
    """Returns a device in words: which GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda"):
        return device
    return f"{device}: {torch.cuda.get_device_name(device)}"
