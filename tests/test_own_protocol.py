"""The protocol of docs/protocols.md, as a third party installs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Run
from interhand_tree import make_tree
from third_party import install

from handbench.datasets import load_dataset
from handbench.formats.predictions import read_predictions
from handbench.skeleton import OPENPOSE21
from handbench.types import Side

DOCS = ROOT / "docs" / "protocols.md"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the package, found by its entry point."""
    text = DOCS.read_text().partition("## A protocol of your own")[2]
    install(tmp_path / "site", text, "pinch", "handbench.protocols")
    return tmp_path / "site"


def test_a_third_partys_protocol_scores(site: Path, tmp_path: Path, handbench: Run) -> None:
    tree, report = tmp_path / "tree", tmp_path / "score.json"
    make_tree(tree)
    done = handbench(
        "evaluate", "--model", "oracle-noise:5", "--data", f"interhand:{tree}@split=test",
        "--protocol", "pinch", "--results", tmp_path / "results", "--json", PYTHONPATH=str(site),
    )  # fmt: skip
    found = json.loads(done.stdout)
    (file,) = (tmp_path / "results" / "predictions").glob("*.h5")
    truth, mine = load_dataset("interhand", tree, quiet=True).ground_truth(), read_predictions(file)
    thumb, index = OPENPOSE21.index("thumb4"), OPENPOSE21.index("index4")
    errors: dict[Side, list[float]] = {Side.RIGHT: [], Side.LEFT: []}
    for side, hand in truth.hands.items():
        joints = np.asarray(mine.hands[side].joints, float)
        for n in range(len(truth)):
            if hand.joints_valid[n, thumb] and hand.joints_valid[n, index]:
                true, told = (np.linalg.norm(x[n, thumb] - x[n, index]) for x in (hand.joints, joints))
                errors[side].append(1000 * abs(float(told - true)))
    assert len(errors[Side.LEFT]) == 24 and found["protocol"] == "pinch/side=both"
    assert found["figures"][0]["value"] == pytest.approx(np.mean([*errors[Side.RIGHT], *errors[Side.LEFT]]))
    said = handbench(
        "score", file, "--protocol", "pinch/side=left", "--gt", tree, "--json", report, "--explain",
        PYTHONPATH=str(site),
    ).stdout  # fmt: skip
    assert "Thumb tip to index tip, where both are annotated" in said
    left = json.loads(report.read_text())
    assert left["figures"][0]["value"] == pytest.approx(np.mean(errors[Side.LEFT]))
    assert (left["n_total"], left["n_scored"]) == (36, 24)
    wrong = handbench(
        "score", file, "--protocol", "pinch/side=lft", "--gt", tree, check=2, PYTHONPATH=str(site)
    )
    assert "left" in wrong.stderr and len(wrong.stderr.splitlines()) == 1
