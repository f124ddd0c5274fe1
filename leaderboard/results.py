"""A measured result on disk: rows, what they are means of, curves, provenance, per-sample values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from handbench.config import content_hash
from handbench.errors import HandbenchError
from handbench.leaderboard.files import write_whole
from handbench.leaderboard.names import UNTRAINED, board_dataset, full_name
from handbench.leaderboard.result_parts import Parts, Units, pack, unpack
from handbench.leaderboard.samples import write_samples
from handbench.leaderboard.schema import MEASURED, Row
from handbench.metrics.score import Curve, Figure, Score

SCHEMA = "handbench.result/1"
RESULT, SAMPLES = "result.json", "samples.csv.gz"
_LONGEST = 100
"""Characters of a folder name's words; file systems take 255 bytes."""


@dataclass(frozen=True)
class ResultAbout:
    """What a score does not know of itself.

    Attributes:
        model: name as registered, without its variant (``names.split_name``).
        variant: e.g. ``iv-tf``, ``@sh``, a filter.
        dataset: of the ground truth, with version: ``ho3d_v3``.
        split: of it.
        fingerprint: of its annotation.
        synthetic: the data are made; they never share a name with official data, however many they are.
        train_data: what the model was trained on.
        device: what it ran on.
        date: ISO 8601 day.
        source: the command.
        seeds: how many trainings this is one of; None where it was not trained.
        random_init: the weights are not trained; such rows are left off every board.
        remarks: what a reader should know, e.g. that the model sees the ground truth.
        provenance: plain values that JSON has: weights, data, config, code, versions. Model, data, protocol
            and command are added to it.
    """

    model: str
    variant: str = ""
    dataset: str = ""
    split: str = ""
    fingerprint: str = ""
    synthetic: bool = False
    train_data: str = ""
    device: str = ""
    date: str = ""
    source: str = ""
    seeds: int | None = None
    random_init: bool = False
    remarks: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Result:
    """A result folder.

    Attributes:
        folder: where it lies.
        rows: the numbers.
        recordings: (R,) names.
        units: of each row, what it is a mean of.
        curves: PCK and the like.
        notes: what was resolved, in words.
        warnings: what a reader should know.
        provenance: what its hash in the rows stands for.
        official: numbers under the official script's own key names.
    """

    folder: Path
    rows: tuple[Row, ...]
    recordings: tuple[str, ...]
    units: tuple[Units, ...]
    curves: tuple[Curve, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    provenance: Mapping[str, Any]
    official: Mapping[str, float]


def slug(about: ResultAbout, score: Score) -> str:
    """Returns a folder name for a result: the same for the same model, training, samples and protocol id.

    Long names are cut; the digits at the end tell them apart.
    """
    protocol = score.protocol
    words = f"{about.dataset}-{about.split}-{full_name(about.model, about.variant)}-{protocol.split('/')[0]}"
    digest = content_hash([protocol, _data_name(about, score), about.model, about.variant, about.train_data])
    plain = re.sub(r"[^A-Za-z0-9._+-]+", "-", words).strip("-.")[:_LONGEST].rstrip("-.")
    return f"{plain}-{digest[:8]}"


def write_result(folder: Path, score: Score, about: ResultAbout, recordings: Sequence[str] = ()) -> list[Row]:
    """Writes a result folder, ``result.json`` last, and returns its rows.

    A figure that is NaN (nothing was counted) gives no row, and a warning says so.

    Args:
        folder: of this result alone, ``DIR/<slug>``; what an earlier run left there is replaced.
        score: of one prediction file.
        about: the model, the data and where they are from.
        recordings: (N,) of each sample, for the per-sample table; empty leaves the column out.

    Raises:
        HandbenchError: when provenance holds what JSON does not, or the folder cannot be written.
    """
    dataset = _data_name(about, score)
    provenance = _provenance(score, about, dataset)
    digest = _hash(provenance, folder)
    known = [figure for figure in score.figures if not math.isnan(figure.value)]
    rows = [_row(figure, score, about, dataset, digest) for figure in known]
    lost = [f for f in score.figures if math.isnan(f.value)]
    warnings = [*score.warnings, *(f"no value for {_words(f)}: nothing was counted" for f in lost)]
    parts = Parts(
        rows, list(score.recordings), [Units(f.sums, f.counts) for f in known], list(score.curves),
        list(score.notes), warnings, provenance, dict(score.official),
    )  # fmt: skip
    write_samples(folder / SAMPLES, score, recordings)
    write_whole(folder / RESULT, pack(SCHEMA, parts))
    return rows


def read_result(folder: Path) -> Result:
    """Reads a result folder (or its ``result.json``).

    Raises:
        HandbenchError: when it is not there, is damaged, or is of another schema.
    """
    path = folder if folder.name == RESULT else folder / RESULT
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise HandbenchError(f"no result in {folder}", f"a result folder holds {RESULT}") from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise HandbenchError(f"{path} is damaged: {error}", "evaluate again") from None
    parts = unpack(content, SCHEMA, path)
    return Result(
        path.parent, tuple(parts.rows), tuple(parts.recordings), tuple(parts.units), tuple(parts.curves),
        tuple(parts.notes), tuple(parts.warnings), parts.provenance, parts.official,
    )  # fmt: skip


def find_results(folder: Path) -> Iterator[Path]:
    """Gives the result folders at any depth below (and including) a folder, sorted."""
    for path in sorted(folder.rglob(RESULT)):
        yield path.parent


def _data_name(about: ResultAbout, score: Score) -> str:
    subset = score.figures[0].subset if score.figures else "all"
    other = score.partial or about.synthetic
    return board_dataset(about.dataset, about.split, subset, score.keys, about.fingerprint, other)


def _provenance(score: Score, about: ResultAbout, dataset: str) -> dict[str, Any]:
    return {
        **about.provenance,
        "model": about.model, "variant": about.variant, "train_data": about.train_data,
        "dataset": dataset, "split": about.split, "data_fingerprint": about.fingerprint,
        "synthetic": about.synthetic, "protocol": score.protocol, "protocol_version": score.version,
        "command": about.source, "device": about.device, "date": about.date,
        "random_init": about.random_init,
    }  # fmt: skip


def _hash(provenance: Mapping[str, Any], folder: Path) -> str:
    try:
        # Through orjson, as it is read back: what it cannot write, it cannot be checked against either.
        return content_hash(orjson.loads(orjson.dumps(provenance)))
    except TypeError as error:
        raise HandbenchError(f"{folder}: provenance {error}", "give plain values") from None


def _row(figure: Figure, score: Score, about: ResultAbout, dataset: str, digest: str) -> Row:
    from handbench.metrics.resample import interval

    ends = interval(figure.sums, figure.counts)
    remarks = [UNTRAINED] * about.random_init + [about.remarks] * bool(about.remarks)
    return Row(
        model=about.model, variant=about.variant, dataset=dataset, split=about.split,
        subset=figure.subset, stratum=figure.stratum, protocol=score.protocol, metric=figure.metric.name,
        unit=figure.metric.unit, higher_is_better=figure.metric.higher_is_better, value=figure.value,
        seeds=about.seeds, ci_low=None if ends is None else float(ends.low),
        ci_high=None if ends is None else float(ends.high), ci_unit="" if ends is None else "recording",
        n_units=figure.n_units, n_total=figure.n_total or score.n_total, n_scored=figure.n_scored,
        train_data=about.train_data, device=about.device, kind=MEASURED, source=about.source,
        date=about.date, provenance=digest, partial=score.partial, remarks="; ".join(remarks),
    )  # fmt: skip


def _words(figure: Figure) -> str:
    return " ".join(filter(None, (figure.metric.name, "of", figure.subset, figure.stratum)))
