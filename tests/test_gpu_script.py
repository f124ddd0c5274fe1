"""benchmarks/gpu.sh at toy size on the CPU: every stage runs, what it brings home is small and complete."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(root: Path, **more: str) -> tuple[list[dict[str, str]], Path]:
    """Runs the script; returns the rows of its stages and the folder of what it made."""
    out = root / "out"
    settings = {"TOY": "1", "PYTHON": sys.executable, "OUT": str(out), "WORK": str(root / "work"), **more}
    done = subprocess.run(
        ["bash", str(ROOT / "benchmarks" / "gpu.sh")], env=os.environ | settings, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with (out / "stages.csv").open() as file:
        return list(csv.DictReader(file)), out


@pytest.mark.soak
def test_all_stages_run_and_bring_home_tables_rows_and_pictures(tmp_path: Path) -> None:
    stages, out = run(tmp_path, TOTAL="3000", DATA_BY="2000")
    assert {row["stage"]: row["status"] for row in stages} == {
        "set-up": "0", "bench-infer": "0", "bench-train": "0", "tests": "0", "data": "0",
        "bench-loading": "0", "train-ifvonet-tiny": "0", "train-handoccnet-v-tiny": "0", "evaluate": "0",
    }  # fmt: skip
    home = list(out.iterdir())
    assert len(home) <= 8 and all(path.stat().st_size < 16 << 20 for path in home)
    with tarfile.open(out / "tables.tar.gz") as tar:
        member = tar.extractfile("tables/train-ifvonet-tiny.json")
        assert member is not None
        found = json.load(member)
    assert all(row["samples_per_s"] > 0 and 0 < row["of_matmul"] < 2 for row in found["rows"])
    with tarfile.open(out / "runs.tar.gz") as tar:
        names = tar.getnames()
    assert sum(name.endswith("result.json") for name in names) == 3
    assert not any("samples" in name or name.endswith(".safetensors") for name in names)


@pytest.mark.soak
def test_a_stage_without_time_is_left_out_and_the_rest_comes_home(tmp_path: Path) -> None:
    stages, out = run(tmp_path, TOTAL="25", STAGES="train")
    states = {row["stage"]: row["status"] for row in stages}
    assert states["set-up"] == "0" and states["data"] != "0"
    assert (out / "summary.md").is_file() and (out / "logs.tar.gz").is_file()


@pytest.mark.soak
def test_hdr_is_timed_trained_and_evaluated(tmp_path: Path) -> None:
    stages, out = run(tmp_path, TOTAL="3000", DATA_BY="2000", STAGES="hdr-bench hdr-train")
    networks = ("hasm-tiny", "hdrnet-tiny", "shpe-tiny")
    names = ["set-up", "bench-infer-hdr", "tests", "data", "evaluate"]
    names += [f"{what}-{network}" for what in ("bench-train", "train") for network in networks]
    assert {row["stage"]: row["status"] for row in stages} == dict.fromkeys(names, "0")
    assert len(list(out.iterdir())) <= 8
    with tarfile.open(out / "tables.tar.gz") as tar:
        found = {}
        for name in ("infer-hdr", *(f"train-{network}" for network in networks)):
            member = tar.extractfile(f"tables/{name}.json")
            assert member is not None
            found[name] = json.load(member)["rows"]
        assert {row["what"] for row in found["infer-hdr"]} == {"pipeline", "hasm", "hdrnet", "pose"}
        assert all(row["of_matmul"] > 0 for rows in found.values() for row in rows)
        assert {f"tables/profile-{network}.txt" for network in networks} <= set(tar.getnames())
    with tarfile.open(out / "runs.tar.gz") as tar:
        # The pipeline, with the annotation's masks, four rows and controls, and each network alone.
        assert sum(name.endswith("result.json") for name in tar.getnames()) == 9
