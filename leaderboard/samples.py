"""The per-sample table beside a measured result, for analysis in pandas."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
import pandas

from handbench.errors import HandbenchError
from handbench.leaderboard.cells import guard, quoted, unguard
from handbench.leaderboard.files import write_whole
from handbench.metrics.score import Score, Values

_TEXTS = ("key", "recording")
_DIGITS = 6


def write_samples(path: Path, score: Score, recordings: Sequence[str] = ()) -> None:
    """Writes ``samples.csv.gz``: ``key``, ``recording`` where known, and the score's per-sample columns.

    Numbers have 6 digits behind the point; what a sample has no value of is empty.

    Args:
        path: of the file.
        score: N samples.
        recordings: (N,) of each sample, or empty.

    Raises:
        HandbenchError: when a column is of another length, or the file cannot be written.
    """
    columns = {"key": _text_cells(score.keys)}
    if len(recordings):
        columns["recording"] = _text_cells(recordings)
    columns |= {name: _number_cells(values) for name, values in score.samples.items()}
    for name, cells in columns.items():
        if len(cells) != len(score.keys):
            raise HandbenchError(f"{path}: column {name!r} is not of the {len(score.keys)} samples")
    head = ",".join(quoted(guard(name)) for name in columns).encode()
    lines = [head, *map(b",".join, zip(*columns.values(), strict=True))]
    write_whole(path, gzip.compress(b"\n".join(lines) + b"\n", 1, mtime=0))


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


def _text_cells(texts: Sequence[str]) -> list[bytes]:
    """Returns the cells of texts; plain ones, as keys are, need no look at each."""
    whole = "\n".join(texts)
    starts = {text[:1] for text in texts}
    if whole.count("\n") == len(texts) - 1 and not set(',"\r') & set(whole) and not starts & set("=+-@\t'"):
        return whole.encode().split(b"\n")
    return [quoted(guard(text)).encode() for text in texts]


def _number_cells(values: Values) -> list[bytes]:
    """Returns the cells of (N,) numbers; orjson writes them 20 times as fast as a format string."""
    rounded = np.ascontiguousarray(np.round(np.asarray(values, dtype=np.float64), _DIGITS))
    text = orjson.dumps(rounded, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].replace(b"null", b"")
    return text.split(b",") if len(rounded) else []
