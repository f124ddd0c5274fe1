"""Comparisons, the papers' tables, the built board, and the command line."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from board_results import EACH, PROTOCOL, errors_of, put
from click.testing import CliRunner
from conftest import Run

from handbench.cli.leaderboard import leaderboard
from handbench.errors import HandbenchError
from handbench.leaderboard import build, paper_tables, read, read_result
from handbench.leaderboard.compare import compare
from handbench.leaderboard.lists import listings, terminal_lines
from handbench.leaderboard.schema import MEASURED, Row
from handbench.leaderboard.table import frame_of


def test_compare_pairs_the_common_recordings(tmp_path: Path) -> None:
    errors = errors_of(14, 9.0)
    put(tmp_path / "a", errors[: 13 * EACH])
    put(tmp_path / "b", errors[2 * EACH :] + 0.5, first=2, model="other")
    found = compare(tmp_path / "a", tmp_path / "b")
    assert (found.a, found.b, found.protocol) == ("ifvonet", "other", PROTOCOL)
    assert (found.common, found.only_a, found.only_b) == (11, 2, 1)
    line = found.lines[0]
    both = errors[2 * EACH : 13 * EACH]
    assert math.isclose(line.a, both.mean()) and math.isclose(line.b, both.mean() + 0.5)
    assert math.isclose(line.result.difference, -0.5) and line.result.n_units == 11
    # All recordings agree in sign: two of the 2^11 flips are as large.
    assert line.result.p == 2 / 2**11 and line.verdict == "A"
    assert found.lines[1].metric == "PA-F@5" and found.lines[1].verdict == "A"
    text = "\n".join(found.words())
    assert "paired on 11 common recordings (2 of A alone and 1 of B alone left out)" in text
    assert "A is better" in text


def test_compare_gives_no_rank_below_ten_recordings(tmp_path: Path) -> None:
    errors = errors_of(9, 9.0)
    put(tmp_path / "a", errors)
    put(tmp_path / "b", errors + 5, model="other")
    line = compare(tmp_path / "a", tmp_path / "b", "PA-MPJPE").lines[0]
    assert line.verdict == "not resolvable" and line.result.p < 0.05
    found = compare(tmp_path / "a", tmp_path / "b")
    assert "not resolvable: 9 recordings, 10 are needed" in "\n".join(found.words())


def test_compare_by_stratum_has_a_line_each(tmp_path: Path) -> None:
    errors = errors_of(12, 9.0)
    harder = errors + np.tile([0.0, 2.0], len(errors) // 2)
    put(tmp_path / "a", errors)
    put(tmp_path / "b", harder, model="other")
    lines = compare(tmp_path / "a", tmp_path / "b", by="occlusion").lines
    assert [(line.part, line.verdict) for line in lines] == [
        ("occlusion 0-0.1", "no difference"), ("occlusion 0.1-0.3", "A"),
    ]  # fmt: skip


def test_parts_of_the_same_data_pair_only_where_they_have_as_many_values(tmp_path: Path) -> None:
    errors = errors_of(12, 9.0)
    put(tmp_path / "a", errors)
    put(tmp_path / "b", errors[:-2] + 1, model="other")
    line = compare(tmp_path / "a", tmp_path / "b", "PA-MPJPE").lines[0]
    assert line.result.n_units == 11 and math.isclose(line.a, errors[: 11 * EACH].mean())


def test_what_compare_refuses(tmp_path: Path) -> None:
    errors = errors_of(12, 9.0)
    put(tmp_path / "a", errors)
    put(tmp_path / "data", errors, fingerprint="beef")
    put(tmp_path / "takes", errors, first=50)
    with pytest.raises(HandbenchError, match="data differ"):
        compare(tmp_path / "a", tmp_path / "data")
    with pytest.raises(HandbenchError, match="no common recording"):
        compare(tmp_path / "a", tmp_path / "takes")
    with pytest.raises(HandbenchError, match=r"no metric PA-MPJPEE .*metrics: PA-F@5, PA-MPJPE"):
        compare(tmp_path / "a", tmp_path / "a", "PA-MPJPEE")
    with pytest.raises(HandbenchError, match=r"no metric of subset SH .*known: all"):
        compare(tmp_path / "a", tmp_path / "a", subset="SH")
    with pytest.raises(HandbenchError, match=r"by oclusion in both .*did you mean 'occlusion'"):
        compare(tmp_path / "a", tmp_path / "a", by="oclusion")
    one = read_result(tmp_path / "a")
    other = dataclasses.replace(one, rows=tuple(
        dataclasses.replace(row, protocol="ho3d_v3/root=predicted/tips=ho3d") for row in one.rows
    ))  # fmt: skip
    with pytest.raises(
        HandbenchError, match=r"protocols differ: ho3d_v3/root=gt.* and ho3d_v3/root=predicted"
    ):
        compare(one, other)
    for one_id, other_id, remedy in (
        (PROTOCOL, "ho3d_v3/root=predicted/tips=manopth", f"score both with --protocol {PROTOCOL}"),
        ("interhand/root=rootnet/tips=unstated", "interhand/root=predicted/tips=smplx",
         "score both with --protocol interhand/root=gt/tips=smplx"),
        ("aih/tips=manopth", "aih/tips=smplx", "score both with the same --protocol"),
        (PROTOCOL, "aih/root=gt/tips=ho3d", "score both with the same --protocol"),
    ):  # fmt: skip
        named = [dataclasses.replace(one, rows=tuple(
            dataclasses.replace(row, protocol=text) for row in one.rows
        )) for text in (one_id, other_id)]  # fmt: skip
        with pytest.raises(HandbenchError) as caught:
            compare(*named)
        assert caught.value.hint == remedy
    newer = dataclasses.replace(one, provenance={**one.provenance, "protocol_version": 2})
    with pytest.raises(HandbenchError, match=r"protocols differ: .*version 1.*version 2"):
        compare(one, newer)
    with pytest.raises(HandbenchError, match="has no rows"):
        compare(one, dataclasses.replace(one, rows=(), units=()))


def cells(table: str, label: str) -> list[str]:
    """Returns the cells of a row of a Markdown table."""
    line = next(line for line in table.splitlines() if line.startswith(f"| {label} "))
    return [part.strip() for part in line.strip("|").split(" | ")]


def measured(value: float, **more: object) -> Row:
    row = Row("ifvonet", "PA-MPJPE", "mm", value, MEASURED, "ho3d_v2", PROTOCOL, split="evaluation")
    return dataclasses.replace(row, **more)  # type: ignore[arg-type]


def test_the_papers_tables_show_published_and_measured_side_by_side() -> None:
    mine = [
        measured(9.36, dataset="ho3d_v3#0123abcd", ci_low=9.1, ci_high=9.6, n_scored=240, variant="iv-tf"),
        measured(8.0, dataset="ho3d_v2#aa", date="2026-12-31"), measured(8.9, date="2026-01-01"),
        measured(8.8, date="2026-02-01"), measured(1.0, partial=True), measured(2.0, stratum="joint wrist"),
        measured(0.5, remarks="untrained weights", date="2027-01-01"),
    ]  # fmt: skip
    everything = [*rows_of_reported(), *mine]
    tables = paper_tables("ifvonet", frame_of(everything)).split("\n\n### ")
    assert len(tables) == 7
    assert cells(tables[0], "IFVONet")[1].startswith("9.0 [") and cells(tables[0], "IFVONet")[2] == "8.8 [a]"
    assert cells(tables[0], r"Liu \[11\]")[5].startswith("14.7 [") and cells(tables[0], "TempCLR")[3] == "-"
    assert "looks like a transcription slip" in tables[0]
    assert cells(tables[3], "TF")[1:3] == ["9.7 [1]", "9.4 [9.1, 9.6] [a]"]
    note = next(line for line in tables[3].splitlines() if line.startswith("- [a]"))
    assert "ho3d\\_v3#0123abcd" in note and "synthetic or other data" in note and "240 samples" in note
    assert cells(tables[6], "dynamic (ours)")[3].startswith("9.0")
    with pytest.raises(HandbenchError, match=r"unknown paper 'ifvo-net' .*'ifvonet'"):
        paper_tables("ifvo-net", frame_of([]))


def test_a_table_of_which_nothing_was_measured_says_so() -> None:
    rows = [*rows_of_reported(), measured(8.8, metric="MPJPE")]
    tables = paper_tables("ifvonet", frame_of(rows)).split("\n\n### ")
    none = "No registered model of this table was measured."
    assert [none in table for table in tables] == [True, False, *[True] * 5]
    assert ["measured |" in table for table in tables] == [False, True, *[False] * 5]
    assert cells(tables[0], "IFVONet")[2] == "81.9 [12]"
    assert "delta |\n" in paper_tables("hdr", frame_of(rows))


def test_the_tables_of_hdr() -> None:
    ours: dict[str, object] = dict(model="hdr", dataset="interhand#11", metric="MPJPE", split="test")
    mine = [
        measured(20.0, variant="@sh", subset="machine", **ours),
        measured(25.0, variant="no-removal@sh", subset="machine", **ours),
        measured(15.0, variant="@all", subset="close", **ours),
    ]  # fmt: skip
    tables = paper_tables("hdr", frame_of([*rows_of_reported(), *mine])).split("\n\n### ")
    assert [float(cells(tables[0], "HDR")[i].split()[0]) for i in range(1, 15, 2)] == [
        8.51, 13.12, 10.97, 14.74, 8.52, 14.98, 11.74,
    ]  # fmt: skip
    assert cells(tables[0], "HDR")[8].startswith("15.00") and "subset close" in tables[0]
    assert cells(tables[0], r"InterNet \[21\]")[1].startswith("12.16")
    assert cells(tables[1], "SHPE+HDR")[1].startswith("8.70")
    assert [cell.split()[0] for cell in cells(tables[3], "+HDR")[1::2]] == [
        "25.45",
        "17.98",
        "24.59",
        "17.80",
    ]
    ablation = cells(tables[4], "2 w/o Removal")
    assert ablation[3:] == ["+6.18 (34.4%)", "+5.00 (25.0%)"] and cells(tables[4], "8 full")[3:] == ["-", "-"]


def rows_of_reported() -> list[Row]:
    from handbench.leaderboard.table import reported_rows

    return reported_rows()


def test_build_writes_the_board_and_leaves_out_what_is_refused(tmp_path: Path) -> None:
    results = tmp_path / "results"
    put(results / "good", errors_of(12, 9.0), model="=cmd|<b>x</b>")
    put(results / "random", errors_of(12, 9.0), model="random", random_init=True)
    put(results / "part", errors_of(12, 9.0), model="part", partial=True)
    board = build(results, tmp_path / "out")
    assert {problem.kind for problem in board.left_out} == {"untrained"} and len(board.left_out) == 4
    with board.csv.open(newline="") as file:
        models = [row["model"] for row in csv.DictReader(file)]
    assert models.count("'=cmd|<b>x</b>") == 4 and models.count("part") == 4 and "random" not in models
    assert len(models) == board.rows == len(read([])) + 8
    assert len(read(board.csv)) == board.rows
    text = board.markdown.read_text()
    assert r"=cmd\|\<b\>x\</b\>" in text and "<b>" not in text and "measured, partial" in text
    page = board.html.read_text()
    assert "Content-Security-Policy" in page and "<b>x</b>" not in page


def test_a_list_puts_the_best_first_and_prints_no_control_characters() -> None:
    rows = [
        measured(9.0, model="worse", n_units=12), measured(8.0, model="bad\x1b[31m", n_units=12),
        measured(50.0, model="only-f", metric="PA-F@5", unit="%", higher_is_better=True, n_units=12),
    ]  # fmt: skip
    found = listings(frame_of(rows))
    assert [(entry.name, entry.rank) for entry in found[0].entries] == [
        ("bad\x1b[31m", 1), ("worse", 2), ("only-f", None),
    ]  # fmt: skip
    assert list(found[0].metrics) == ["PA-MPJPE", "PA-F@5"]
    assert not any("\x1b" in line for line in terminal_lines(frame_of(rows)))


def said(*words: object) -> str:
    """Runs the group in this process; the fixture ``handbench`` starts a new one, and imports anew."""
    done = CliRunner().invoke(leaderboard, [*map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def test_show_compare_and_paper(tmp_path: Path) -> None:
    results = tmp_path / "results"
    errors = errors_of(12, 9.0)
    put(results / "a", errors)
    put(results / "b", errors + 1, model="other", variant="@sh")
    shown = said("show", results, "--metric", "PA-MPJPE", "--kind", "measured")
    assert shown.index("ifvonet") < shown.index("other@sh") and "PA-F@5" not in shown
    filters = ("--dataset", "ho3d_v2", "--model", "ifvonet:iv-tf", "--protocol", "ho3d_v2")
    told = json.loads(said("show", "--json", *filters))
    assert [row["value"] for row in told] == [9.7, 9.7, 52.5, 95.0]
    assert "occlusion 0-0.1" in said("show", results, "--no-reported", "--strata")
    assert said("compare", results / "a", results / "b", "--by", "occlusion").count("A is better") == 2
    plain = json.loads(said("compare", results / "a", results / "b", "--json"))
    assert plain["common"] == 12 and plain["lines"][0]["verdict"] == "A"
    assert "Table VII" in said("paper", "ifvonet", results)
    assert "nothing refused" in said("check", results)


def test_the_command_line_refuses_in_one_line(handbench: Run, tmp_path: Path) -> None:
    results = tmp_path / "results"
    put(results / "c", errors_of(12, 9.0), model="part", partial=True)
    none = handbench("leaderboard", "show", "--model", "nobody", check=2)
    assert none.stderr.startswith("handbench: none of ") and none.stderr.count("\n") == 1
    refused = handbench("leaderboard", "check", results, "--no-reported", check=2)
    assert refused.stdout.count("a part of the data") == 4 and "4 of 4 rows are refused" in refused.stderr
    built = handbench("leaderboard", "build", results, "--out", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "leaderboard.csv", "leaderboard.md", "leaderboard.html",
    }  # fmt: skip
    assert "rows on" in built.stdout
