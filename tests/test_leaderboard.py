"""Rows as tables and files; ranks; what the checks refuse."""

from __future__ import annotations

import dataclasses
import importlib
import math
import pkgutil
import subprocess
import sys
from pathlib import Path

import pandas
import pytest
from board_results import errors_of, put
from hypothesis import given
from hypothesis import strategies as st

from handbench.errors import HandbenchError
from handbench.leaderboard import read, read_result, write_csv, write_result
from handbench.leaderboard.catalogue import CATALOGUE, UNITS
from handbench.leaderboard.cells import guard, unguard
from handbench.leaderboard.check import check, protocol_problem
from handbench.leaderboard.names import OFFICIAL_SAMPLES, board_dataset, full_name, split_name
from handbench.leaderboard.ranking import rank
from handbench.leaderboard.results import RESULT
from handbench.leaderboard.schema import MEASURED, REPORTED, Row
from handbench.leaderboard.table import frame_of, rows_of
from handbench.metrics.score import Metric

GOOD = Row(
    "ifvonet", "PA-MPJPE", "mm", 9.0, MEASURED, "ho3d_v3", "ho3d_v3/root=gt/tips=ho3d", split="evaluation",
    n_units=12, n_total=20_137, n_scored=20_137, source="a command", provenance="0" * 16,
)  # fmt: skip
TOLD = dataclasses.replace(GOOD, kind=REPORTED, provenance="", source="a paper, Table I", n_units=None)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.floats(0, 100)
rows = st.builds(
    Row, model=texts.filter(bool), metric=st.just("PA-MPJPE"), unit=st.just("mm"), value=numbers,
    kind=st.sampled_from([MEASURED, REPORTED]), dataset=texts.filter(bool), protocol=texts.filter(bool),
    higher_is_better=st.booleans(), variant=texts, remarks=texts, std=st.none() | numbers,
    seeds=st.none() | st.integers(1, 9), n_total=st.none() | st.integers(0, 10**9), partial=st.booleans(),
)  # fmt: skip


@given(st.lists(rows, max_size=4, unique=True))
def test_a_board_csv_reads_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, some: list[Row]) -> None:
    path = tmp_path_factory.mktemp("csv") / "board.csv"
    write_csv(frame_of(some), path)
    assert rows_of(read(path, reported=False)) == some
    assert [item.name for item in path.parent.iterdir()] == ["board.csv"]


@pytest.mark.parametrize("text", ["=1+1", "+a", "-x", "@sum(a)", "\tx", "\rx", "'=1", "''@x"])
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    assert guard(text) == "'" + text and unguard(guard(text)) == text


@pytest.mark.parametrize("text", ["-5", "+1e3", "plain", "'quoted", "", "a=b"])
def test_numbers_and_plain_texts_are_left_alone(text: str) -> None:
    assert guard(text) == text == unguard(text)


def test_a_csv_that_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    head = "model,metric,unit,value,kind,dataset,protocol\n"
    for body, words in (
        ("m,PA-MPJPE,mm,nine,measured,d,p\n", "line 2: value is 'nine'"),
        ("m,PA-MPJPE,mm,9,guessed,d,p\n", "line 2: kind 'guessed'"),
        ("m,PA-MPJPE,mm,9,measured,d,p\n,PA-MPJPE,mm,9,measured,d,p\n", "line 3: no model"),
        ("m,PA-MPJPE,mm,9\n", "line 2: 4 cells, the header has 7"),
    ):
        path.write_text(head + body)
        with pytest.raises(HandbenchError, match=words):
            read(path)
    path.write_text("model,colour,value\n")
    with pytest.raises(HandbenchError, match="unknown column 'colour'"):
        read(path)
    path.write_text("model\n")
    with pytest.raises(HandbenchError, match="no column 'value'"):
        read(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HandbenchError, match="is not UTF-8"):
        read(path)
    path.write_text(head + 'm,PA-MPJPE,mm,9,measured,d,"p\x00' + "x" * 140_000 + "\n")
    with pytest.raises(HandbenchError, match=r"line 2: "):
        read(path)
    with pytest.raises(HandbenchError, match="no file or folder"):
        read(tmp_path / "absent")
    with pytest.raises(HandbenchError, match="no column variant"):
        write_csv(frame_of([GOOD]).drop(columns="variant"), path)
    with pytest.raises(HandbenchError, match="cannot write"):
        write_csv(frame_of([GOOD]), tmp_path / "board.csv" / "below.csv")


def test_names_of_models_and_data() -> None:
    for name, parts in {
        "hdr": ("hdr", ""), "hdr:no-removal": ("hdr", "no-removal"), "hdr@sh+aih": ("hdr", "@sh+aih"),
        "hdr:no-removal@sh": ("hdr", "no-removal@sh"), "ifvonet+one-euro": ("ifvonet", "+one-euro"),
    }.items():  # fmt: skip
        assert split_name(name) == parts and full_name(*parts) == name
    keys = [f"k{i}" for i in range(11_524)]
    assert board_dataset("ho3d_v2", "evaluation", "all", keys, "f", False) == "ho3d_v2"
    named = {
        board_dataset("ho3d_v2", "evaluation", "all", some, print_, partial)
        for some, print_, partial in ((keys, "f", True), (keys[1:], "f", False), (keys, "g", True))
    }
    assert len(named) == 3 and all(name.startswith("ho3d_v2#") for name in named)


def test_official_counts_are_the_loaders() -> None:
    from handbench.loaders.interhand_known import OFFICIAL_COUNTS

    for (version, split, subset), (single, both, total) in OFFICIAL_COUNTS.items():
        prefix = "" if subset == "all" else f"{subset} "
        known = [OFFICIAL_SAMPLES.get(("interhand", split, prefix + part)) for part in ("SH", "IH")]
        if version == "v1.0" and known[0] is not None:
            assert known == [single, both]
            assert OFFICIAL_SAMPLES["interhand", split, subset] == total
    assert OFFICIAL_SAMPLES["interhand", "test", "all"] == 849_160
    assert OFFICIAL_SAMPLES["ho3d_v3", "evaluation", "all"] == 20_137


def test_read_takes_folders_and_csvs_and_drops_what_is_there_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    put(results / "deep" / "a", errors_of(12, 9.0))
    frame = read(results)
    assert (frame["kind"] == MEASURED).sum() == 4 and len(frame) > 300
    write_csv(frame, results / "leaderboard.csv")
    assert rows_of(read(str(results))) == rows_of(frame)
    monkeypatch.chdir(tmp_path)
    assert len(read()) == len(frame)
    (results / "leaderboard.csv").unlink()
    assert len(read(reported=False)) == 4


def test_ranks_hold_within_one_list_and_only_where_they_mean_something() -> None:
    def row(model: str, value: float, **more: object) -> Row:
        return dataclasses.replace(GOOD, model=model, value=value, **more)  # type: ignore[arg-type]

    table = frame_of([
        row("a", 9.0), row("b", 8.0), row("c", 9.0), row("d", 10.0),
        row("part", 1.0, partial=True), row("few", 2.0, n_units=9), row("unknown", 2.0, n_units=None),
        row("oracle", 0.0), row("true-masks", 0.5, remarks="sees the ground truth"),
        row("oracle-noise:5", 1.0), row("random", 3.0, remarks="untrained weights"),
        row("told", 8.5, kind=REPORTED, n_units=None),
        row("elsewhere", 1.0, protocol="ho3d_v3/root=predicted/tips=ho3d"),
        row("vague", 4.0, kind=REPORTED, protocol="ho3d_v3/root=unstated/tips=unstated"),
        row("f-low", 40.0, metric="PA-F@5", unit="%", higher_is_better=True),
        row("f-high", 50.0, metric="PA-F@5", unit="%", higher_is_better=True),
    ])  # fmt: skip
    ranked = rank(table).set_index("model")
    places = {str(name): None if pandas.isna(place) else int(place) for name, place in ranked["rank"].items()}
    assert places == {
        "a": 3, "b": 1, "c": 3, "d": 5, "told": 2, "part": None, "few": None, "unknown": None, "oracle": None,
        "true-masks": None,
        "oracle-noise:5": None, "random": None, "elsewhere": 1, "vague": 1, "f-low": 2, "f-high": 1,
    }  # fmt: skip
    notes = ranked["rank_note"]
    assert notes["few"] == "not resolvable: 9 recordings, 10 are needed"
    assert notes["part"] == "a part of the data" and notes["oracle"] == "sees the ground truth"
    assert "may differ" in notes["vague"] and notes["a"] == ""
    assert "rank" not in table


REFUSED = {
    "provenance": dataclasses.replace(GOOD, provenance=""),
    "partial": dataclasses.replace(GOOD, partial=True),
    "untrained": dataclasses.replace(GOOD, remarks="untrained weights"),
    "counts: 9 scored of 8": dataclasses.replace(GOOD, n_total=8, n_scored=9, dataset="ho3d_v3#12345678"),
    "counts: a count of -1": dataclasses.replace(GOOD, n_units=-1),
    "counts: 11,524 samples, ho3d_v3 evaluation all has 20,137": dataclasses.replace(
        GOOD, n_total=11_524, n_scored=1
    ),
    "counts: no count": dataclasses.replace(GOOD, n_total=None),
    "metric: unknown unit 'inch'": dataclasses.replace(GOOD, unit="inch"),
    "metric: PA-MPJPE in '%'": dataclasses.replace(GOOD, unit="%"),
    "metric: PA-MPJPE in 'mm'": dataclasses.replace(GOOD, higher_is_better=True),
    "metric: unknown metric 'PA-NONSENSE'": dataclasses.replace(TOLD, metric="PA-NONSENSE"),
    "metric: kind 'guessed'": dataclasses.replace(GOOD, kind="guessed"),
    "value: -1 mm is not possible": dataclasses.replace(GOOD, value=-1.0),
    "value: 101 % is not possible": dataclasses.replace(
        GOOD, metric="PA-AUC-J", unit="%", higher_is_better=True, value=101.0
    ),
    "value: nan mm": dataclasses.replace(GOOD, value=math.nan),
    "value: interval 3 to 2": dataclasses.replace(GOOD, ci_low=3.0, ci_high=2.0),
    "value: std -1.0": dataclasses.replace(GOOD, std=-1.0),
    "source": dataclasses.replace(TOLD, source=" "),
    "protocol: cannot read protocol id": dataclasses.replace(GOOD, protocol="ho3d_v3/root"),
    "protocol: unknown protocol 'ho3d_v4'": dataclasses.replace(GOOD, protocol="ho3d_v4/root=gt"),
    "protocol: protocol id 'ho3d_v3'": dataclasses.replace(GOOD, protocol="ho3d_v3"),
    "protocol: 'root' is 'unstated'": dataclasses.replace(GOOD, protocol="ho3d_v3/root=unstated/tips=ho3d"),
    "protocol: protocol ho3d_v3 has no option 'colour'": dataclasses.replace(
        TOLD, protocol="ho3d_v3/colour=unstated"
    ),
    "protocol: protocol dexycb has no option 'scale'": dataclasses.replace(
        TOLD, protocol="dexycb/scale=none"
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", REFUSED)
def test_what_the_checks_refuse(reason: str) -> None:
    kind, _, words = reason.partition(": ")
    found = check([GOOD, TOLD, REFUSED[reason]])
    assert [problem.index for problem in found] == [2] * len(found)
    assert any(problem.kind == kind and problem.what.startswith(words) for problem in found), found
    assert all(problem.remedy and "ifvonet PA-" in str(problem) for problem in found)


def test_the_board_knows_the_units_of_every_metric() -> None:
    import handbench.metrics

    found: set[Metric] = set()
    for module in pkgutil.walk_packages(handbench.metrics.__path__, "handbench.metrics."):
        for value in vars(importlib.import_module(module.name)).values():
            items = (
                value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
            )
            found.update(item for item in items if isinstance(item, Metric))
    assert {"PA-MPJPE", "MRRPE", "EPE-2D", "ACCEL", "IoU-hidden"} <= {metric.name for metric in found}
    assert {metric.unit for metric in found} <= set(UNITS)
    for metric in found:
        known = CATALOGUE.get(metric.name)
        if known is not None:
            assert (metric.unit, metric.higher_is_better) == (known.unit, known.higher_is_better), metric


def test_checks_of_rows_against_each_other_and_what_lies_beside(tmp_path: Path) -> None:
    assert check([GOOD, GOOD, TOLD]) == []
    assert check(frame_of([GOOD, TOLD])) == []
    found = check([GOOD, dataclasses.replace(GOOD, value=8.0)])
    assert [(problem.kind, problem.index) for problem in found] == [("duplicate", 1)]
    put(tmp_path / "a", errors_of(12, 9.0))
    path = tmp_path / "a" / RESULT
    path.write_text(path.read_text().replace("sha256:1", "sha256:2"))
    changed = read_result(tmp_path / "a")
    assert {problem.kind for problem in check(list(changed.rows), [changed])} == {"provenance"}
    made = put(tmp_path / "b", errors_of(12, 9.0), random_init=True)
    assert {problem.kind for problem in check(made)} == {"untrained"}
    part = put(tmp_path / "c", errors_of(12, 9.0), partial=True)
    assert {problem.kind for problem in check(part)} == {"partial"}
    assert protocol_problem("ho3d_v2/root=unstated/tips=manopth", REPORTED) is None


def test_no_rows_and_no_pandas_before_they_are_asked_for() -> None:
    assert len(rank(frame_of([]))) == 0
    code = "import sys, handbench.leaderboard; assert not {'pandas', 'numba'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        import handbench.leaderboard

        handbench.leaderboard.nonsense  # noqa: B018
    assert write_result is not None
