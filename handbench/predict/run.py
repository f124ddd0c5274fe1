"""``predict(...)``: a model over a dataset, into a prediction file that a kill does not lose."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handbench.allocator import keep_freed_memory
from handbench.datasets import DataRef, Dataset
from handbench.errors import HandbenchError
from handbench.interrupts import stop_signals
from handbench.models import Model
from handbench.predict.existing import OnExisting, survey
from handbench.predict.filtered import video_truth, write_filtered
from handbench.predict.identity import identity_of
from handbench.predict.job import Job, Report
from handbench.predict.names import Opened, open_any
from handbench.subset import Subset


def predict(model: Model | str, data: Dataset | DataRef | str, out: Path | str, **more: Any) -> Path:
    """Writes the predictions of a model; see :func:`run` for the arguments and what is raised."""
    return run(model, data, out, **more).path


def run(
    model: Model | str,
    data: Dataset | DataRef | str,
    out: Path | str,
    batch_size: int | None = None,
    workers: int = 0,
    device: str | None = None,
    on_existing: OnExisting = "resume",
    random_init: bool = False,
    weights: Path | str | None = None,
    seed: int = 0,
    max_bad: float = 0.001,
    base: Path | str | None = None,
    quiet: bool = False,
) -> Report:
    """Predicts every sample of a dataset; the same call continues after a kill.

    Args:
        model: ``NAME[:VARIANT][+FILTER...]``, or a model (:class:`handbench.models.Model`).
        data: a dataset, or a reference ``NAME:PATH[@key=value,...]`` (``limit`` and ``every`` take a part).
        out: the prediction file.
        batch_size: items of a batch; by default what fits the memory.
        workers: processes that make batches; 0 makes them here.
        device: where the model runs; by default a GPU, where there is one and the model looks at pictures.
        on_existing: ``resume`` uses what is there where model, weights, data and settings agree, and refuses
            it elsewhere; ``error`` refuses it always; ``overwrite`` predicts anew.
        random_init: take a model without trained weights.
        weights: file of weights.
        seed: of random weights.
        max_bad: share of samples that cannot be read beyond which it fails.
        base: where the predictions of the model itself are kept when filters follow it; beside ``out`` by
            default. They are used again.
        quiet: say nothing.

    Returns:
        What was done. All samples are in the file, in the dataset's order; those that the model says nothing
        of, or that could not be read, are NaN.

    Raises:
        HandbenchError: for data, a model, or a file that cannot be used.
        PartialError: when the disk is full; what is done is kept.
        Stopped: after SIGINT or SIGTERM; what is done is kept.
    """
    started, out = time.monotonic(), Path(out)
    if (batch_size is not None and batch_size < 1) or workers < 0 or not 0 <= max_bad <= 1:
        raise HandbenchError(
            f"batch_size={batch_size}, workers={workers}, max_bad={max_bad}",
            "give 1 or more, 0 or more, and a share of 0 to 1",
        )
    with stop_signals(raises=True) as signals:
        opened = open_any(model, weights, device, seed, random_init)
        if opened.device == "cpu":
            keep_freed_memory()
        ref = DataRef.parse(data) if isinstance(data, str) else data
        dataset = ref.open(quiet) if isinstance(ref, DataRef) else ref
        _check_known(opened, dataset)
        identity = identity_of(opened.model, opened.name, dataset)
        reference = str(ref) if isinstance(ref, DataRef) else ""
        job = Job(opened, dataset, identity, reference, batch_size, workers, max_bad, quiet, signals)
        if opened.filters:
            identity = {**identity, "filters": "+".join(opened.filters)}
            kept = Path(base) if base is not None else out.with_name(f"{out.stem}.base{out.suffix}")
            reused = survey(out, identity, on_existing) or _run_filtered(
                job, out, kept, identity, on_existing
            )
        else:
            reused = job.run(out, on_existing)
        return job.report(out, identity, time.monotonic() - started, reused)


def _check_known(opened: Opened, dataset: Dataset) -> None:
    """Refuses to ask an oracle about pictures that nobody annotated."""
    while isinstance(dataset, Subset):
        dataset = dataset.whole
    if opened.model.needs_ground_truth and not getattr(dataset, "annotated", True):
        raise HandbenchError(
            f"model {opened.name!r} gives the annotation, and one's own pictures have none",
            "choose a model that needs none: handbench models",
        )


def _run_filtered(
    job: Job, out: Path, base: Path, identity: Mapping[str, str], on_existing: OnExisting
) -> bool:
    """Predicts with the model itself where that is not there yet, then filters; says that it was done."""
    if base.resolve() == out.resolve():
        raise HandbenchError(f"{out} is both the filtered file and its base", "name another --base")
    truth = video_truth(job.dataset, job.opened.filters)
    job.run(base, "resume" if on_existing == "error" else on_existing)
    write_filtered(base, out, job.opened.filters, truth, identity)
    return False
