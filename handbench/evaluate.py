"""``evaluate``: predict, score, keep a result for the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from handbench.config import content_hash
from handbench.datasets import DataRef
from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions
from handbench.ground_truth import GroundTruth
from handbench.metrics.protocols import PROTOCOLS, open_protocol
from handbench.metrics.protocols.base import Protocol
from handbench.predict import OnExisting, run
from handbench.predict.identity import identity_of
from handbench.predict.names import Opened, home_of, open_any
from handbench.predictions import Space
from handbench.provenance import collect
from handbench.score import Scored, score_predictions
from handbench.subset import is_synthetic

if TYPE_CHECKING:
    from handbench.datasets import Dataset

RESULTS = Path("results")


@dataclass(frozen=True)
class Evaluation:
    """What ``evaluate`` gave.

    Attributes:
        scored: the numbers.
        predictions: the prediction file.
        reused: whether that file was there already.
        folder: the result, for ``leaderboard build``.
    """

    scored: Scored
    predictions: Path
    reused: bool
    folder: Path


def evaluate(
    model: str,
    data: DataRef | str | None = None,
    protocol: str | None = None,
    results: Path | str = RESULTS,
    subset: str = "",
    weights: Path | str | None = None,
    batch_size: int | None = None,
    workers: int = 0,
    device: str | None = None,
    seed: int = 0,
    random_init: bool = False,
    on_existing: OnExisting = "resume",
    force: bool = False,
    quiet: bool = False,
) -> Evaluation:
    """Predicts a dataset with a model, scores it, and keeps the result.

    A prediction file that is there is used again where model, weights, data and settings agree.

    Args:
        model: ``NAME[:VARIANT][+FILTER...]``.
        data: a reference ``NAME:PATH[@key=value,...]``; by default the held-out set that is the model's home.
        protocol: a name or id; by default the one made for the data.
        results: folder of results and of prediction files.
        subset: score only this subset that the annotation names.
        weights: file of weights.
        batch_size: items of a batch; by default what fits the memory.
        workers: processes that make batches.
        device: where the model runs.
        seed: of random weights.
        random_init: take a model without trained weights; its result is marked and reaches no board.
        on_existing: what to do with predictions that are there.
        force: score in spite of what diagnosis found.
        quiet: no progress.

    Raises:
        HandbenchError: see ``predict.run`` and :func:`handbench.score.score_predictions`.
    """
    if data is None:
        from handbench.heldout import heldout

        ref = heldout(home_of(model), max(1, workers), quiet)
    else:
        ref = DataRef.parse(data) if isinstance(data, str) else data
    dataset = ref.open(quiet)
    opened = open_any(model, weights, device, seed, random_init)
    chosen = open_protocol(protocol) if protocol else default_protocol(dataset.name, opened.model.space)
    folder = Path(results)
    path = predictions_path(folder, model, dataset, opened)
    path.parent.mkdir(parents=True, exist_ok=True)
    how = (batch_size, workers, device, on_existing, random_init, weights, seed)
    report = run(model, dataset, path, *how, quiet=quiet)
    predictions = read_predictions(path)
    partial = _has_bad(predictions.provenance)
    truth = _truth(chosen, ref, dataset)
    scored = score_predictions(chosen, truth, predictions, subset, partial, force)
    command = f"handbench evaluate --model {model}" + ("" if data is None else f" --data {ref.name}:...")
    kept = keep_result(scored, folder, model, "", command, synthetic=is_synthetic(dataset))
    return Evaluation(scored, path, report.reused, kept)


def predictions_path(results: Path, model: str, dataset: Dataset, opened: Opened) -> Path:
    """Returns where the predictions of a model on a dataset are kept.

    Args:
        results: the folder of results.
        model: the full name, ``NAME[:VARIANT][+FILTER...]``.
        dataset: that is predicted.
        opened: the model.
    """
    identity = identity_of(opened.model, opened.name, dataset)
    name = f"{model}-{dataset.name}-{dataset.split}-{content_hash(identity)[:8]}"
    return results / "predictions" / (_file_name(name) + ".h5")


def default_protocol(dataset: str, space: Space = "camera") -> Protocol:
    """Returns the first protocol that is made for a dataset.

    Where predictions are without a unit, they get the true size, if the protocol has a rule for that: its id
    says so.

    Args:
        dataset: its name.
        space: of the predictions.

    Raises:
        HandbenchError: when there is none.
    """
    for name in PROTOCOLS:
        kind = PROTOCOLS.get(name)
        if dataset in kind.datasets:
            return open_protocol(name + kind.common + _unit(kind, space))
    raise HandbenchError(f"no protocol is made for {dataset}", f"name one: {', '.join(PROTOCOLS)}")


def _unit(kind: type[Protocol], space: Space) -> str:
    """Returns the option that gives predictions without a unit the true size, where there is one."""
    choices = get_args(get_type_hints(kind.options_type).get("scale"))
    true = next((choice for choice in choices if choice.startswith("gt-")), "")
    return f"/scale={true}" if space == "scale_free" and true else ""


def keep_result(
    scored: Scored,
    results: Path,
    model: str,
    train_data: str = "",
    command: str = "",
    synthetic: bool = False,
) -> Path:
    """Writes the result folder of a score, ``results/<slug>``, and returns it.

    Args:
        scored: what to keep.
        results: the folder of results.
        model: the full name, ``NAME[:VARIANT][+FILTER...]``.
        train_data: what it was trained on; empty takes what the prediction file says.
        command: what was typed, for the row's source.
        synthetic: the data are made, not real.
    """
    from handbench.leaderboard.names import SEES_TRUTH, split_name
    from handbench.leaderboard.results import ResultAbout, slug, write_result

    said = dict(scored.predictions.provenance)
    own: dict[str, Any] = said.get("model", {}) if isinstance(said.get("model"), dict) else {}
    name, variant = split_name(model)
    code = collect()
    about = ResultAbout(
        name, variant, scored.dataset, scored.split, scored.fingerprint, synthetic,
        train_data or str(own.get("train_data", "")), str(said.get("device", "")), code.date[:10], command,
        random_init=bool(said.get("random_init", False)),
        remarks=SEES_TRUTH if said.get("needs_ground_truth") else "",
        provenance={"prediction": said, "scoring": code.to_dict()},
    )  # fmt: skip
    folder = results / slug(about, scored.score)
    write_result(folder, scored.score, about, list(scored.recordings))
    return folder


def keep_samples(scored: Scored, path: Path) -> None:
    """Writes the values of each sample to a ``.csv.gz``."""
    from handbench.leaderboard.samples import write_samples

    if not path.name.endswith(".csv.gz"):
        raise HandbenchError(f"{path}: samples are written gzipped", "name a file that ends in .csv.gz")
    write_samples(path, scored.score, list(scored.recordings))


def _truth(protocol: Protocol, ref: DataRef, dataset: Dataset) -> GroundTruth:
    """Returns the annotation, with the meshes that ``score --gt`` opens for the protocol too.

    Models are not asked for meshes by that, so predictions are those of any other protocol.
    """
    wanted = DataRef.parse(protocol.reference)
    if ref.name != wanted.name or "mesh" not in wanted.options or {"mesh", "hand_model"} & set(ref.options):
        return dataset.ground_truth()
    return DataRef(ref.name, ref.path, {**ref.options, "mesh": wanted.options["mesh"]}).open().ground_truth()


def _has_bad(provenance: Mapping[str, Any]) -> bool:
    """Tells whether samples could not be read, so that only the others are scored, marked partial."""
    bad = provenance.get("bad")
    return isinstance(bad, dict) and bool(bad.get("count"))


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._+-" else "-" for letter in text)
