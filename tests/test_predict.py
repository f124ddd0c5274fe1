"""Models over data: what is kept of what they say, what survives a kill, and what is used again."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from conftest import Run
from painted_dataset import FRAMES, Painted, PaintedOptions, paint
from painted_models import Looks, Pointer, there
from store_drivers import wait_until

from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions, read_provenance
from handbench.formats.predictions_parts import parts_folder
from handbench.inputs import Inputs
from handbench.models import BlindBatch, open_model
from handbench.predict import identity_of, is_current, predict, run
from handbench.predict.filtered import usual_step
from handbench.predict.pictures import choose_batch_size, out_of_memory
from handbench.predictions import HandPrediction, HandPredictions, Prediction, Predictions
from handbench.subset import Subset
from handbench.types import Side


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paint(tmp_path_factory.mktemp("painted") / "data")


@pytest.fixture
def data(root: Path) -> Painted:
    return Painted(root, PaintedOptions())


class Hungry(Pointer):
    """Runs out of memory with more than three items, or always."""

    most = 3

    def predict(self, batch: Any) -> list[Prediction]:
        if len(batch) > self.most:
            self.seen.append(-len(batch))
            raise MemoryError("too many")
        return super().predict(batch)


def test_batches_that_do_not_fit_are_halved(
    data: Painted, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = Hungry()
    whole = read_predictions(predict(Pointer(), data, tmp_path / "a.h5", quiet=True))
    halved = read_predictions(predict(model, data, tmp_path / "b.h5", batch_size=16, quiet=True))
    assert model.seen[:3] == [-16, -8, -4] and set(model.seen[3:]) == {2, 1}
    assert "16 items do not fit the memory: 8 from here on" in capfd.readouterr().err
    for side in Side:
        np.testing.assert_array_equal(whole.hands[side].joints, halved.hands[side].joints)
    model.most = 0
    with pytest.raises(HandbenchError, match="'looks' does not fit the memory with one item: too many"):
        predict(model, data, tmp_path / "c.h5", quiet=True)
    with pytest.raises(RuntimeError) as error:
        torch.empty(1 << 60)
    assert out_of_memory(error.value) and out_of_memory(torch.OutOfMemoryError())
    assert not out_of_memory(RuntimeError("shapes differ"))
    assert 1 <= choose_batch_size(Inputs(), "cpu") <= 64 and choose_batch_size(Inputs(), "cuda") == 256
    assert choose_batch_size(Inputs(size=(20_000, 20_000)), "cpu") == 1


def broken_pictures(root: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "broken"
    copy.mkdir()
    for file in root.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "04.png").write_bytes(b"<html>")
    (copy / "07.png").unlink()
    return copy


@pytest.mark.parametrize("workers", [0, 2])
def test_unreadable_pictures_are_rows_of_nan(root: Path, tmp_path: Path, workers: int) -> None:
    broken = Painted(broken_pictures(root, tmp_path), PaintedOptions())
    out = tmp_path / "a.h5"
    with pytest.raises(HandbenchError, match=r"2 of 14 samples cannot be read, more than 0\.001.*04\.png"):
        run(Pointer(), broken, out, batch_size=4, workers=workers, quiet=True)
    with pytest.raises(HandbenchError, match="2 of 14 samples cannot be read"):
        run(Pointer(), broken, out, max_bad=0.1, quiet=True)
    report = run(Pointer(), broken, out, max_bad=0.2, quiet=True)
    assert (report.bad, report.samples) == (2, FRAMES)
    found = read_predictions(out)
    right = found.hands[Side.RIGHT].joints
    assert right is not None and list(found.keys) == broken.keys
    assert np.flatnonzero(np.isnan(right[:, 0, 0])).tolist() == [4, 7]
    noted = read_provenance(out)["bad"]
    assert noted["count"] == 2 and list(noted["first"]) == ["painted/test/04", "painted/test/07"]


def content(path: Path) -> dict[str, Any]:
    """Returns all bytes of a file's columns, and its attributes but for what ran it."""
    found: dict[str, Any] = {}
    with h5py.File(path) as file:

        def visit(name: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset):
                found[name] = (node.shape, node.dtype.str, node[()].tobytes())

        file.visititems(visit)
        found |= {key: str(value) for key, value in file.attrs.items() if key != "provenance"}
    note = read_provenance(path)
    note.pop("code")
    return {**found, "provenance": note}


SLOW = """
import sys, time
sys.path.insert(0, {tests!r})
from painted_models import Pointer
from painted_dataset import Painted, PaintedOptions
from pathlib import Path
from handbench.predict import pictures, run
pictures._PART_ROWS = 2
class Slow(Pointer):
    def predict(self, batch):
        time.sleep(0.15)
        return super().predict(batch)
run(Slow(), Painted(Path({root!r}), PaintedOptions()), {out!r}, batch_size=3, quiet=True)
"""


def test_a_killed_run_goes_on_and_gives_the_same_file(data: Painted, tmp_path: Path) -> None:
    whole = predict(Pointer(), data, tmp_path / "whole.h5", quiet=True)
    out = tmp_path / "a.h5"
    code = SLOW.format(tests=str(Path(__file__).parent), root=str(data.root), out=str(out))
    driver = subprocess.Popen([sys.executable, "-c", code])
    wait_until(lambda: len(list(parts_folder(out).glob("0*.h5"))) >= 2 or driver.poll() is not None)
    assert driver.poll() is None, "it was to be killed in the middle"
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert not out.exists()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert not parts_folder(out).exists() and [p.name for p in tmp_path.glob("a.*")] == ["a.h5"]
    assert content(out) == content(whole)


def test_data_without_a_hand_to_crop_are_refused(data: Painted, tmp_path: Path) -> None:
    model = Pointer()
    model.inputs = Inputs(sides="left")
    with pytest.raises(HandbenchError, match="no left hands to make batches of"):
        predict(model, Subset(data, [0, 3]), tmp_path / "a.h5", quiet=True)


def test_a_file_is_used_again_only_where_all_agrees(
    root: Path, data: Painted, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, ref = tmp_path / "a.h5", f"painted:{root}"
    first = run("mean-hand", ref, out)
    assert not first.reused and "painted test: 14 samples" in capfd.readouterr().err
    before = out.stat().st_mtime_ns
    assert run("mean-hand", ref, out).reused and out.stat().st_mtime_ns == before
    assert is_current(out, first.identity)
    assert first.identity == identity_of(open_model("mean-hand"), "mean-hand", data)
    assert not is_current(tmp_path / "none.h5", first.identity)
    for model, name, reference in (
        ("zero", "model", ref), ("mean-hand", "samples", ref + "@limit=3"),
        ("mean-hand", "data options", ref + "@shift=2"), ("mean-hand:procedural", "model", ref),
    ):  # fmt: skip
        with pytest.raises(HandbenchError, match=f"holds other predictions: {name} is .*, now .*overwrite"):
            run(model, reference, out)
    with pytest.raises(HandbenchError, match=r"is there .use --on-existing resume or overwrite"):
        run("mean-hand", ref, out, on_existing="error")
    assert not run("zero", ref, out, on_existing="overwrite").reused
    assert not is_current(out, first.identity) and len(read_predictions(out)) == FRAMES
    weights = type("Pointer", (Pointer,), {"weights_sha256": "ab"})()
    assert identity_of(weights, "p", data) != identity_of(Pointer(), "p", data)
    with h5py.File(out, "r+") as file:
        del file.attrs["provenance"]
    with pytest.raises(HandbenchError, match="it does not say what it was predicted with"):
        run("zero", ref, out)


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (lambda batch: [Prediction("x") for _ in batch.keys], "'looks' gave 7 for 7 items"),
        (lambda batch: [Prediction(key) for key in batch.keys[1:]], "'looks' gave 6 for 7 items"),
        (lambda batch: None, "'looks' gave NoneType for 7 items"),
        (
            lambda batch: [
                Prediction(k, (HandPrediction(Side.RIGHT, np.zeros((20, 3))),)) for k in batch.keys
            ],
            r"joints has shape \(20, 3\)",
        ),
    ],
)
def test_a_model_that_answers_wrong_is_named(
    say: Callable[[Any], Any], words: str, data: Painted, tmp_path: Path
) -> None:
    model = type("Wrong", (Looks,), {"predict": lambda self, batch: say(batch)})()
    with pytest.raises(HandbenchError, match=words):
        predict(model, data, tmp_path / "a.h5", batch_size=7, quiet=True)


def test_a_blind_model_that_answers_wrong_is_named(data: Painted, tmp_path: Path) -> None:
    class Columns(Looks):
        inputs = None
        keys: tuple[str, ...] = ("x",)
        rows = 1

        def predict(self, batch: BlindBatch) -> Predictions:
            hand = HandPredictions(joints=np.zeros((self.rows, 21, 3)))
            return Predictions(self.keys or batch.keys, {Side.RIGHT: hand})

    model = Columns()
    with pytest.raises(HandbenchError, match="'looks' gave 1 predictions, not those of its 14 samples"):
        predict(model, data, tmp_path / "a.h5", quiet=True)
    model.keys = ()
    with pytest.raises(HandbenchError, match=r"right/joints has shape \(1, 21, 3\)"):
        predict(model, data, tmp_path / "a.h5", quiet=True)
    model.rows = FRAMES
    assert len(read_predictions(predict(model, data, tmp_path / "a.h5", quiet=True))) == FRAMES


def test_what_cannot_be_is_refused(data: Painted, tmp_path: Path) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "batch_size=0": {"batch_size": 0}, "workers=-1": {"workers": -1}, "max_bad=2": {"max_bad": 2},
    }  # fmt: skip
    for words, more in wrong.items():
        with pytest.raises(HandbenchError, match=words):
            run("zero", data, tmp_path / "a.h5", **more)
    with pytest.raises(HandbenchError, match="no folder"):
        run("zero", data, tmp_path / "none" / "a.h5")
    with pytest.raises(HandbenchError, match="is a folder"):
        run("zero", data, tmp_path)
    with pytest.raises(HandbenchError, match="both the filtered file and its base"):
        run("zero+savgol", data, tmp_path / "a.h5", base=tmp_path / "a.h5")
    with pytest.raises(HandbenchError, match="painted test has no samples"):
        run("zero", Subset(data, []), tmp_path / "a.h5")


def test_a_filter_follows_any_model(root: Path, data: Painted, tmp_path: Path) -> None:
    base = tmp_path / "noise.h5"
    predict("oracle-noise:5", data, base, quiet=True)
    before = base.stat().st_mtime_ns
    report = run("oracle-noise:5+savgol", data, tmp_path / "b.h5", base=base, quiet=True)
    assert base.stat().st_mtime_ns == before and report.model == "oracle-noise:5+savgol"
    raw, smooth = read_predictions(base), read_predictions(report.path)
    rough = [np.diff(there(f.hands[Side.RIGHT].joints), 2, axis=0) for f in (raw, smooth)]
    assert np.nanstd(rough[1]) < 0.5 * np.nanstd(rough[0])
    note = read_provenance(report.path)
    assert note["filters"] == ["savgol"] and note["filter_step"] == 3
    assert run("oracle-noise:5+savgol", data, report.path, quiet=True).reused
    with pytest.raises(HandbenchError, match="filters is savgol, now not stated"):
        run("oracle-noise:5", data, report.path, quiet=True)
    again = run("oracle-noise:5+one-euro", data, tmp_path / "c.h5", quiet=True)
    assert is_current(tmp_path / "c.base.h5", read_provenance(base)["identity"]) and not again.reused

    class Stills(Painted):
        def ground_truth(self) -> Any:
            return dataclasses.replace(super().ground_truth(), videos=(), frames=None)

    with pytest.raises(HandbenchError, match="painted test has no videos for the filter 'savgol'"):
        run("zero+savgol", Stills(root, PaintedOptions()), tmp_path / "d.h5", quiet=True)
    assert not (tmp_path / "d.base.h5").exists()


def test_frames_in_a_row() -> None:
    videos, frames = np.array([1, 0, 0, 1, 0, 0]), np.array([5, 9, 3, 4, 0, 18])
    assert usual_step(videos, frames) == 1
    assert usual_step(np.zeros(5, int), np.array([0, 3, 6, 8, 11])) == 3
    assert usual_step(np.arange(3), np.arange(3)) == 1


def test_the_command(tmp_path: Path, handbench: Run) -> None:
    from ho3d_trees import write_tree

    tree = tmp_path / "HO3D_v3"
    write_tree(tree)
    ref, out = f"ho3d:{tree}@version=v3,split=train", tmp_path / "a.h5"
    done = handbench("predict", "--model", "oracle", "--data", ref, "--out", out)
    assert f"{out}: oracle on ho3d_v3 train, 6 samples; " in done.stdout and "a second" in done.stdout
    told = json.loads(handbench("predict", "--model", "oracle", "--data", ref, "--out", out, "--json").stdout)
    assert told["reused"] is True and told["samples"] == 6 and told["identity"]["model"] == "oracle"
    wrong = handbench("predict", "--model", "zero", "--data", ref, "--out", out, check=2)
    assert wrong.stderr.splitlines()[-1].startswith(
        f"handbench: {out} holds other predictions: model is oracle"
    )
    listed = handbench("models").stdout
    assert "oracle-noise:SIGMA" in listed and "one-euro, savgol" in listed
