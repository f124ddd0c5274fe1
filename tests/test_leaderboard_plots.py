"""Plots of results: they hold the numbers of the rows, and say what they cannot draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from board_parts import BINS, measured

from handbench.errors import HandbenchError
from handbench.leaderboard.plots import occlusion_figure, pck_figure, save_figure, write_plots
from handbench.leaderboard.results import Result


@pytest.fixture
def results(tmp_path: Path) -> list[Result]:
    return [measured(tmp_path / name, name, value) for name, value in (("hand-a", 9.0), ("hand-b", 8.0))]


def test_pck_curves_lie_over_each_other(results: list[Result]) -> None:
    axes = pck_figure(results).axes[0]
    assert [line.get_label() for line in axes.lines] == ["hand-a", "hand-b"]
    for line, result in zip(axes.lines, results, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), result.curves[0].y)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("threshold [mm]", "PA-PCK joints [%]")


def test_error_against_occlusion_has_the_rows_values_and_intervals(results: list[Result]) -> None:
    axes = occlusion_figure(results).axes[0]
    for drawn, result in zip(axes.containers, results, strict=True):
        rows = [next(row for row in result.rows if row.stratum == f"occlusion {name}") for name in BINS]
        np.testing.assert_allclose(drawn[0].get_xydata()[:, 0], [0.05, 0.2, 0.4])
        np.testing.assert_allclose(drawn[0].get_xydata()[:, 1], [row.value for row in rows])
        ends = np.array([segment[:, 1] for segment in drawn[2][0].get_segments()])
        np.testing.assert_allclose(ends, np.array([(row.ci_low, row.ci_high) for row in rows], dtype=float))
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0–0.1", "0.1–0.3", "0.3–0.5"]


def test_what_is_not_there_is_one_line_with_the_nearest(results: list[Result], tmp_path: Path) -> None:
    with pytest.raises(
        HandbenchError, match=r"no result has the curve 'PA-PCK joint' \(did you mean 'PA-PCK j"
    ):
        pck_figure(results, "PA-PCK joint")
    with pytest.raises(HandbenchError, match=r"'PA-MPVPE' by occlusion \(did you mean 'PA-MPJPE'"):
        occlusion_figure(results, "PA-MPVPE")
    with pytest.raises(HandbenchError, match=r"a plot is no \.jpg"):
        save_figure(pck_figure(results), tmp_path / "plot.jpg")


def test_files_are_the_same_again(results: list[Result], tmp_path: Path) -> None:
    twice = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for path in twice:
        save_figure(pck_figure(results), path)
    assert twice[0].read_bytes() == twice[1].read_bytes()


def test_one_plot_of_each_kind_a_protocol(results: list[Result], tmp_path: Path) -> None:
    few = measured(tmp_path / "few", "hand-a", 9.0, recordings=4)
    written = write_plots([*results, few], tmp_path / "plots")
    assert [path.name for path in written] == [
        f"ho3d_v{n}#{d}-evaluation-ho3d_v{n}-root=gt-tips=ho3d-{kind}.png".replace("#", "-")
        for n, d in ((2, few.rows[0].dataset[-8:]), (3, results[0].rows[0].dataset[-8:]))
        for kind in ("pck", "occlusion")
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
