"""Wrong calls of batches: each is refused at once, in one line, with what to do about it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from plain_dataset import PlainDataset, write_plain

from handbench.errors import HandbenchError
from handbench.inputs import Inputs
from handbench.loaders import batches
from handbench.subset import Subset
from handbench.synth.generate import SynthOptions, generate


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PlainDataset:
    return PlainDataset(write_plain(tmp_path_factory.mktemp("plain") / "p"))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"size": 512}, r"inputs: size=512 \(give \(width, height\), such as size=\(512, 512\)\)"),
        ({"size": (512,)}, r"inputs: size=\(512,\)"),
        ({"size": (0.5, 8)}, r"inputs: size=\(0.5, 8\)"),
        ({"size": (0, 8)}, r"size=\(0, 8\) \(each is 1 or more\)"),
        ({"mean": 0.5}, "inputs: mean=0.5 .give three numbers"),
        ({"std": (1.0, 1.0)}, r"inputs: std=\(1.0, 1.0\)"),
        ({"masks": "target_amodal"}, "inputs: masks='target_amodal' .give a tuple of target_amodal"),
        ({"masks": ("mine",)}, "inputs: no mask 'mine'"),
        ({"frames": "2"}, "inputs: frames='2' .give a whole number"),
        ({"gap": 1.5}, "inputs: gap=1.5"),
        ({"scale": "wide"}, "inputs: scale='wide' .give a number"),
        ({"crop": "hands"}, "inputs: crop is 'hands' .choose one of hand, pair, full"),
    ],
)
def test_inputs_of_the_wrong_kind(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(HandbenchError, match=words):
        Inputs(**wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"inputs": "hand"}, r"inputs='hand' \(give handbench.inputs.Inputs, such as Inputs\(crop='hand'\)"),
        ({"inputs": 5}, r"inputs=5 .*Inputs\(size=\(256, 256\)\)"),
        ({"start": "foo"}, "start='foo' .choose one of .*spawn"),
        ({"bad": "foo"}, r"bad='foo' \(choose one of replace, skip, error\)"),
        ({"augment": 3}, "augment=3 .give the name of a preset"),
        ({"device": "toaster"}, "device='toaster' cannot be used: .*here are cpu"),
        ({"device": "cuda:99"}, "device='cuda:99' cannot be used: .*here are cpu"),
        ({"batch_size": 2.5}, "batch_size=2.5"),
        ({"workers": "2"}, "workers='2'"),
        ({"part": 1}, "part=1 .give .rank, number of ranks"),
        ({"max_bad": 5}, "max_bad=5 .give a share of 0 to 1"),
    ],
)
def test_batches_of_the_wrong_kind(plain: PlainDataset, wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(HandbenchError, match=words):
        batches(plain, **wrong)


def test_data_of_the_wrong_kind(plain: PlainDataset) -> None:
    with pytest.raises(HandbenchError, match=r"data is a PosixPath \(give a dataset or 'NAME:PATH"):
        batches(Path("x"))  # type: ignore[arg-type]
    assert batches(Subset(plain, [1])).items == 2


def test_a_device_that_is_not_there(plain: PlainDataset) -> None:
    with pytest.raises(HandbenchError, match=r"device='cuda:99' cannot be used: .*here are cpu"):
        batches(plain, device="cuda:99")


SCRIPT = """
import sys
from handbench.errors import HandbenchError
from handbench.loaders import batches
try:
    for batch in batches(sys.argv[1], batch_size=4, workers=2, start=sys.argv[2]):
        print(len(batch))
except HandbenchError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_a_script_that_workers_import_again(tmp_path: Path, start: str) -> None:
    """Without its guard a script is run by each spawned worker too: one line a worker, and the remedy."""
    options = SynthOptions(renderer="raster", overrides=("size=96",))
    generate(tmp_path / "train", options, 6, workers=0, quiet=True)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), f"aih:{tmp_path / 'train'}", start]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"refused: workers that start by {start} ended before they gave a batch")
    assert 'put the loop under `if __name__ == "__main__":`' in line
    assert "Traceback" not in done.stderr, done.stderr
    # A fork server keeps to itself what its children say as they go.
    said = "a worker runs the script again that started it" in done.stderr
    assert said == (start == "spawn")


def test_a_worker_that_is_killed(plain: PlainDataset) -> None:
    loop = batches(plain, Inputs(size=(32, 32)), batch_size=1, workers=1, start="fork")
    found = iter(loop)
    next(found)
    assert loop._loader is not None
    (worker,) = loop._loader._iterator._workers  # type: ignore[union-attr]
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    with pytest.raises(HandbenchError, match=r"a worker ended before its work was done .*try fewer workers"):
        list(found)
