"""Fingertip sets that a file names: known ones only, and the score says where it took others."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import Run
from test_ho3d_protocol import as_predictions, hands, write_both

from handbench.errors import HandbenchError
from handbench.formats.ho3d_official import read_official_truth
from handbench.formats.predictions import read_predictions, write_predictions
from handbench.score import score_predictions
from handbench.types import Side


@pytest.mark.parametrize(("name", "hint"), [("foo", "ho3d"), ("manoptr", "manopth"), ("SMPLX", "smplx")])
def test_unknown_sets_are_refused(tmp_path: Path, name: str, hint: str) -> None:
    file = tmp_path / "p.h5"
    predictions = as_predictions(hands(1))
    with pytest.raises(HandbenchError, match=f"tips is '{name}'"):
        write_predictions(file, dataclasses.replace(predictions, tips=name))
    write_predictions(file, predictions)
    with h5py.File(file, "r+") as opened:
        opened.attrs["tips"] = name
    with pytest.raises(HandbenchError, match=rf"p\.h5: tips is '{name}' \(.*{hint}"):
        read_predictions(file)
    for known in ("", "ho3d", "mixed", "unstated"):
        write_predictions(file, dataclasses.replace(predictions, tips=known))
        assert read_predictions(file).tips == known


def test_the_score_says_where_fingertips_are_replaced(tmp_path: Path, handbench: Run) -> None:
    true = hands(1)
    write_both(tmp_path, true, true)
    truth = read_official_truth(tmp_path, "ho3d_v2")
    predictions = as_predictions(true)
    assert score_predictions("ho3d_v2", truth, predictions).score.notes == []
    stated = dataclasses.replace(predictions, tips="ho3d")
    assert score_predictions("ho3d_v2", truth, stated).score.notes == []
    assert np.isclose(score_predictions("ho3d_v2", truth, stated).score.value("MPJPE"), 0)
    write_predictions(tmp_path / "p.h5", dataclasses.replace(predictions, tips="manopth"))
    done = handbench("score", tmp_path / "p.h5", "--protocol", "ho3d_v2", "--gt", tmp_path)
    note = next(line for line in done.stdout.splitlines() if line.startswith("note: "))
    assert "replaced by the vertices of the set 'ho3d'" in note and "names the set 'manopth'" in note


def test_the_file_is_named_once(tmp_path: Path, handbench: Run) -> None:
    true = hands(1)
    write_both(tmp_path, true, true)
    predictions = as_predictions(true, dataset="ho3d_v2", split="train")
    write_predictions(tmp_path / "p.h5", predictions)
    done = handbench("score", tmp_path / "p.h5", "--protocol", "ho3d_v2", "--gt", tmp_path, check=2)
    assert done.stderr.count("p.h5") == 1 and "split 'train'" in done.stderr
    truth = read_official_truth(tmp_path, "ho3d_v2")
    broken = dataclasses.replace(predictions, path="p.h5", split="evaluation")
    broken.hands[Side.RIGHT].joints[3, 4] = np.nan  # type: ignore[index]
    with pytest.raises(HandbenchError) as error:
        score_predictions("ho3d_v2", truth, broken)
    assert str(error.value).startswith("p.h5: right/joints: 1 hands") and str(error.value).count("p.h5") == 1
