"""Result folders: what they keep, and what of them is refused."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from board_results import ABOUT, EACH, errors_of, put, score_of

from handbench.errors import HandbenchError
from handbench.leaderboard import read_result, write_result
from handbench.leaderboard.check import check
from handbench.leaderboard.results import RESULT, SAMPLES, slug
from handbench.leaderboard.samples import read_samples, write_samples


def test_a_result_folder_keeps_what_the_score_said(tmp_path: Path) -> None:
    errors = errors_of(12, 9.0)
    score = score_of(errors)
    written = put(tmp_path / "a", errors)
    found = read_result(tmp_path / "a")
    assert list(found.rows) == written and [row.metric for row in written] == [
        "PA-MPJPE",
        "PA-F@5",
        "PA-MPJPE",
        "PA-MPJPE",
    ]
    head = written[0]
    assert math.isclose(head.value, errors.mean()) and head.ci_low is not None and head.ci_high is not None
    assert head.ci_low < head.value < head.ci_high and head.ci_unit == "recording"
    assert (head.n_units, head.n_total, head.n_scored) == (12, 12 * EACH, 12 * EACH)
    assert head.dataset.startswith("ho3d_v3#") and not head.partial
    for units, figure in zip(found.units, score.figures[:4], strict=True):
        assert np.array_equal(units.sums, figure.sums) and np.array_equal(units.counts, figure.counts)
    assert found.recordings == tuple(score.recordings)
    assert np.array_equal(found.curves[0].y, score.curves[0].y, equal_nan=True)
    assert found.warnings == ("a warning", "no value for MPVPE of all: nothing was counted")
    assert found.official == {"xyz_mean3d": 1.5} and found.provenance["config"] == {"size": 256}
    table = read_samples(tmp_path / "a" / SAMPLES)
    assert list(table["key"]) == list(score.keys) and list(table["recording"].unique()) == list(
        score.recordings
    )
    assert np.allclose(table["PA-MPJPE [mm]"], errors, rtol=1e-5)
    assert check(written, [found]) == []


def test_the_same_result_has_the_same_provenance_and_name(tmp_path: Path) -> None:
    errors = errors_of(12, 9.0)
    first, again = put(tmp_path / "a", errors)[0], put(tmp_path / "b", errors)[0]
    other = put(tmp_path / "c", errors, provenance={"weights": "sha256:2"})[0]
    assert first == again and first.provenance != other.provenance and first.id == other.id
    assert (tmp_path / "a" / SAMPLES).read_bytes() == (tmp_path / "b" / SAMPLES).read_bytes()
    score = score_of(errors)
    names = {slug(dataclasses.replace(ABOUT, variant=v), score) for v in ("", "a/b", "../..", "@sh")}
    assert len(names) == 4 and not any("/" in name or name.startswith(".") for name in names)


def test_a_long_name_still_is_a_folder(tmp_path: Path) -> None:
    score = score_of(errors_of(12, 9.0))
    names = [slug(dataclasses.replace(ABOUT, model="m" * 400 + end), score) for end in "ab"]
    assert names[0] != names[1] and max(map(len, names)) < 120
    write_result(tmp_path / names[0], score, dataclasses.replace(ABOUT, model="m" * 400))
    assert read_result(tmp_path / names[0]).rows[0].model == "m" * 400


@pytest.mark.parametrize(
    ("changed", "kind", "words"),
    [
        ({"value": 8.5}, "value", "value 8.5, but the sums beside it give 9.06464"),
        ({"n_units": 40}, "counts", "40 recordings, but 12 have counts"),
        ({"ci_low": 8.9, "ci_high": 9.0}, "value", "interval 8.9 to 9, but the sums"),
        ({"ci_low": None, "ci_high": None}, "value", "interval none, but the sums"),
    ],
)
def test_an_edited_number_is_refused(
    tmp_path: Path, changed: dict[str, object], kind: str, words: str
) -> None:
    put(tmp_path / "a", errors_of(12, 9.0))
    path = tmp_path / "a" / RESULT
    content = json.loads(path.read_text())
    content["rows"][0].update(changed)
    path.write_text(json.dumps(content))
    result = read_result(tmp_path / "a")
    found = check(result.rows, [result])
    assert [(problem.kind, problem.index) for problem in found] == [(kind, 0)]
    assert words in found[0].what


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("rows"), "damaged: no 'rows'"),
        (lambda c: c.update(schema="handbench.result/9"), "schema 'handbench.result/9'"),
        (lambda c: c["units"].pop(), "4 rows, 3 units"),
        (lambda c: c["units"][0].update(recordings=[0, 99]), "a unit is of recording 99, there are 12"),
        (lambda c: c["units"][0].update(sums=[[1.0]]), "damaged: "),
        (lambda c: c["rows"][1].update(value="nine"), "'rows.1.value' takes a number"),
        (lambda c: c["rows"][0].update(kind="guessed"), "row 0 has kind 'guessed'"),
        (lambda c: c["rows"].__setitem__(0, 3), "row 0 is no table"),
        (lambda c: c.update(rows={}), "rows is no list"),
        (lambda c: c["curves"][0].update(x=[1]), "has 1 x and 3 y"),
        (lambda c: c.update(provenance=[]), "provenance and official are tables"),
        (lambda c: c.update(notes=[1]), "notes holds more than texts"),
    ],
)
def test_a_damaged_result_is_refused_with_its_path(tmp_path: Path, change: object, words: str) -> None:
    put(tmp_path / "a", errors_of(12, 9.0))
    path = tmp_path / "a" / RESULT
    content = json.loads(path.read_text())
    change(content)  # type: ignore[operator]
    path.write_text(json.dumps(content))
    with pytest.raises(HandbenchError, match=words) as caught:
        read_result(tmp_path / "a")
    assert str(path) in str(caught.value)


def test_other_damage_of_a_result(tmp_path: Path) -> None:
    with pytest.raises(HandbenchError, match="no result in"):
        read_result(tmp_path)
    put(tmp_path / "a", errors_of(12, 9.0))
    path = tmp_path / "a" / RESULT
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(HandbenchError, match="is damaged"):
        read_result(path)
    samples = tmp_path / "a" / SAMPLES
    samples.write_bytes(samples.read_bytes()[:-20])
    with pytest.raises(HandbenchError, match="is damaged"):
        read_samples(samples)
    with pytest.raises(HandbenchError, match="no file"):
        read_samples(tmp_path / SAMPLES)
    with pytest.raises(HandbenchError, match="provenance"):
        put(tmp_path / "b", errors_of(12, 9.0), provenance={"weights": object()})
    with pytest.raises(HandbenchError, match="not of the 60 samples"):
        write_samples(samples, score_of(errors_of(12, 9.0)), ["one"])
