"""``handbench evaluate``: predict, score, keep a row; predictions are used again where they are the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Run

import handbench.leaderboard as board
from handbench.errors import HandbenchError
from handbench.evaluate import default_protocol, evaluate


@pytest.fixture(scope="module")
def results(composites: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    for model in ("oracle", "oracle-noise:5", "mean-hand", "zero"):
        evaluate(model, f"aih:{composites}", results=folder, quiet=True, force=model == "zero")
    return folder


def value(results: Path, model: str, variant: str = "", metric: str = "PA-MPJPE") -> float:
    frame = board.read(results, reported=False)
    rows = frame[(frame.model == model) & (frame.variant == variant) & (frame.metric == metric)]
    rows = rows[(rows.subset == "all") & (rows.stratum == "")]
    assert len(rows) == 1
    return float(rows.value.iloc[0])


def test_oracle_is_perfect_and_noise_is_what_it_says(results: Path) -> None:
    assert value(results, "oracle", metric="MPJPE") == pytest.approx(0, abs=1e-4)
    assert value(results, "oracle") == pytest.approx(0, abs=1e-3)
    # The mean of |N(0, 5 mm)| in three dimensions, for a joint and its wrist.
    noisy = value(results, "oracle-noise", "5", "MPJPE")
    assert noisy == pytest.approx(5 * 2**0.5 * 1.596 * 20 / 21, rel=0.05)
    assert value(results, "oracle-noise", "5") < noisy < value(results, "mean-hand", metric="MPJPE")


def test_predictions_are_used_again_where_all_agrees(
    composites: Path, tmp_path: Path, handbench: Run
) -> None:
    words = (
        "evaluate",
        "--model",
        "mean-hand",
        "--data",
        f"aih:{composites}",
        "--results",
        tmp_path,
        "--json",
    )
    first, second = (json.loads(handbench(*words).stdout) for _ in range(2))
    assert not first["reused"] and second["reused"]
    assert first["figures"] == second["figures"] and first["result"] == second["result"]
    part = json.loads(handbench(*words[:4], f"aih:{composites}@limit=8", *words[5:]).stdout)
    assert not part["reused"] and part["partial"] and part["n_total"] == 8
    # A part never stands beside the whole.
    names = {row.dataset for row in board.read(tmp_path, reported=False).itertuples()}
    assert len(names) == 2


def test_filters_after_a_model_need_videos(composites: Path, tmp_path: Path, handbench: Run) -> None:
    done = handbench(
        "evaluate",
        "--model",
        "mean-hand+one-euro",
        "--data",
        f"aih:{composites}",
        "--results",
        tmp_path,
        check=2,
    )
    assert "has no videos for the filter" in done.stderr.strip().splitlines()[-1]


def test_errors_are_one_line(composites: Path, tmp_path: Path, handbench: Run) -> None:
    for words, message in (
        (("--model", "mean-hnd"), "did you mean 'mean-hand'"),
        (("--model", "mean-hand", "--protocol", "ho3d_v2"), "ho3d_v2 scores ho3d_v2, not aih"),
        (("--model", "mean-hand", "--subset", "close"), "no subset 'close'"),
        (("--model", "oracle-noise:much"), "oracle-noise"),
    ):
        done = handbench("evaluate", *words, "--data", f"aih:{composites}", "--results", tmp_path, check=2)
        assert message in done.stderr, done.stderr
    with pytest.raises(HandbenchError, match="no protocol is made for 100doh"):
        default_protocol("100doh")


def test_board_of_results(results: Path, tmp_path: Path, handbench: Run) -> None:
    out = tmp_path / "board"
    handbench("leaderboard", "check", results)
    handbench("leaderboard", "build", results, "--out", out)
    text = (out / "leaderboard.html").read_text()
    assert "oracle-noise" in text and (out / "leaderboard.csv").is_file()
    a, b = (next(results.glob(f"*-{name}-aih-*")) for name in ("mean-hand", "oracle-noise-5"))
    done = handbench("leaderboard", "compare", a, b, "--metric", "PA-MPJPE")
    assert "PA-MPJPE" in done.stdout


def test_scoring_takes_the_split_and_says_when_keys_are_others(
    composites: Path, tmp_path: Path, handbench: Run
) -> None:
    out = tmp_path / "oracle.h5"
    handbench("predict", "--model", "oracle", "--data", f"aih:{composites}@split=train", "--out", out)
    done = handbench("score", out, "--protocol", "aih", "--gt", composites)
    assert "aih train" in done.stdout
    done = handbench("score", out, "--protocol", "aih", "--gt", composites / "train", "--split", "train")
    assert "MPJPE" in done.stdout


def test_each_recording_stands_alone(results: Path) -> None:
    rows = board.read(results, reported=False)
    mine = rows[(rows.model == "oracle-noise") & (rows.metric == "MPJPE") & (rows.subset == "all")]
    alone = mine[mine.stratum.str.startswith("sequence ")]
    whole = float(mine[mine.stratum == ""].value.iloc[0])
    assert len(alone) == int(mine[mine.stratum == ""].n_units.iloc[0]) > 5
    assert alone.value.min() < whole < alone.value.max()
    # Counts weigh the recordings.
    assert (alone.value * alone.n_scored).sum() / alone.n_scored.sum() == pytest.approx(whole, rel=1e-6)
