"""The per-sample table beside a measured result, for analysis in pandas."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas

from handbench.errors import HandbenchError
from handbench.leaderboard.cells import guard, unguard
from handbench.leaderboard.files import write_whole
from handbench.metrics.score import Score

_TEXTS = ("key", "recording")


def write_samples(path: Path, score: Score, recordings: Sequence[str] = ()) -> None:
    """Writes ``samples.csv.gz``: ``key``, ``recording`` where known, and the score's per-sample columns.

    Args:
        path: of the file.
        score: N samples.
        recordings: (N,) of each sample, or empty.

    Raises:
        HandbenchError: when a column is of another length, or the file cannot be written.
    """
    columns: dict[str, object] = {"key": [guard(key) for key in score.keys]}
    if len(recordings):
        columns["recording"] = [guard(name) for name in recordings]
    # 6 digits are below a nanometre here, and half the size.
    columns |= {guard(name): np.asarray(values) for name, values in score.samples.items()}
    for name, values in columns.items():
        if len(values) != len(score.keys):  # type: ignore[arg-type]
            raise HandbenchError(f"{path}: column {name!r} is not of the {len(score.keys)} samples")
    buffer = BytesIO()
    table = pandas.DataFrame(columns)
    table.to_csv(
        buffer, index=False, float_format="%.6g", lineterminator="\n",
        compression={"method": "gzip", "compresslevel": 1, "mtime": 1},
    )  # fmt: skip
    write_whole(path, buffer.getvalue())


def read_samples(path: Path) -> pandas.DataFrame:
    """Reads what :func:`write_samples` wrote.

    Raises:
        HandbenchError: when it is missing or damaged.
    """
    try:
        table = pandas.read_csv(
            path,
            compression="gzip",
            dtype=dict.fromkeys(_TEXTS, "str"),
            keep_default_na=False,
            na_values=[""],
        )
    except FileNotFoundError:
        raise HandbenchError(f"no file {path}", "it lies beside a measured result") from None
    except (OSError, EOFError, ValueError) as error:
        raise HandbenchError(f"{path} is damaged: {error}", "evaluate again") from None
    for name in _TEXTS:
        if name in table:
            table[name] = table[name].map(unguard)
    return table.rename(columns=unguard)
