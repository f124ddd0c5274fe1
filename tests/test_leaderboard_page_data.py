"""What the leaderboard's page is given: tables in their order, and data that stay in their element."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from board_parts import HOSTILE, small_board
from hypothesis import given
from hypothesis import strategies as st

from handbench.errors import HandbenchError
from handbench.leaderboard.page import script_json, write_page
from handbench.leaderboard.page_data import page_data
from handbench.leaderboard.table import frame_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rows, results = small_board(tmp_path_factory.mktemp("results"))
    return page_data(frame_of(rows), results)


def table(data: dict[str, Any], dataset: str) -> dict[str, Any]:
    return next(table for table in data["tables"] if table["protocol"].startswith(dataset))


def test_tables_of_one_paper_share_a_line_unless_they_contradict(data: dict[str, Any]) -> None:
    entries = table(data, "ho3d_v2/root=unstated")["entries"]
    one = [entry for entry in entries if entry["model"] == "Net One"]
    assert [entry["source"] for entry in one] == ["Paper, Table I; Table II"]
    assert {name: number["text"] for name, number in one[0]["parts"][""].items()} == {
        "PA-MPJPE": "9.0", "PA-AUC-J": "81.9", "MPJPE": "24.8",
    }  # fmt: skip
    two = [entry for entry in entries if entry["model"] == "Net Two"]
    assert [entry["parts"][""]["PA-MPJPE"]["text"] for entry in two] == ["8.5", "8.6"]


def test_columns_of_the_whole_data_come_first(data: dict[str, Any]) -> None:
    assert list(table(data, "interhand")["columns"]) == ["MPJPE", "MPJPE SH", "MPJPE IH"]


def test_official_data_come_before_what_was_made(data: dict[str, Any]) -> None:
    made = ["#" in table["dataset"] for table in data["tables"]]
    assert made == sorted(made) and any(made)


@given(st.text() | st.sampled_from(HOSTILE))
def test_data_cannot_leave_its_element(name: str) -> None:
    text = script_json({"model": name})
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"model": name}


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HandbenchError, match="cannot write"):
        write_page(frame_of([]), [], tmp_path / "file" / "leaderboard.html")
