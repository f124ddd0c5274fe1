"""Batches: what a model gets, the same with any workers, with bad samples counted."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xxhash
from plain_dataset import CAMERA, SIZE, PlainDataset, write_plain
from present import present

from handbench.datasets import load_dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.inputs import MASKS, Inputs
from handbench.loaders import Augment, Batch, batches
from handbench.loaders.batch_sources import SampleSource, StoreSource, open_source
from handbench.subset import Subset
from handbench.synth.generate import SynthOptions, generate

BOTH = Inputs(sides="both", masks=MASKS, size=(96, 96))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PlainDataset:
    return PlainDataset(write_plain(tmp_path_factory.mktemp("plain") / "p"))


@pytest.fixture(scope="module")
def aih(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("aih") / "train"
    options = SynthOptions(renderer="raster", overrides=("size=96",))
    generate(root, options, 24, workers=0, quiet=True)
    return root


def digest(loop: object) -> str:
    """Covers every byte of every batch, in order."""
    out = xxhash.xxh3_128()
    for batch in loop:  # type: ignore[attr-defined]
        out.update("|".join(batch.keys).encode())
        for value in vars(batch).values():
            if isinstance(value, torch.Tensor):
                out.update(np.ascontiguousarray(value.numpy()).tobytes())
    return out.hexdigest()


def test_what_a_batch_holds(plain: PlainDataset) -> None:
    inputs = Inputs(sides="both", masks=MASKS, size=(96, 64), target_image=True)
    batch = next(iter(batches(plain, inputs, batch_size=5, vertices=True)))
    assert isinstance(batch, Batch) and len(batch) == 5
    assert batch.keys[:3] == ("plain/train/0000", "plain/train/0001", "plain/train/0001")
    assert batch.side.tolist()[:3] == [0, 0, 1]
    assert batch.images.shape == (5, 1, 3, 64, 96) and batch.images.dtype == torch.uint8
    assert batch.images[:, 0].is_contiguous(memory_format=torch.channels_last)
    assert batch.joints.shape == (5, 2, 21, 3) and batch.K.shape == (5, 3, 3)
    assert batch.masks().shape == (5, 4, 64, 96) and batch.masks().dtype == torch.bool
    assert batch.target_images is not None and not batch.target_images.any()
    assert batch.vertices is not None and batch.vertices.shape == (5, 2, 778, 3)
    # Frame 0 has no left hand; frame k has no joint k: zeros, and not valid.
    assert batch.hand_valid.tolist()[:2] == [[True, False], [True, True]]
    assert not batch.joints_valid[0, 0, 0] and batch.joints_valid[0, 0, 1:].all()
    assert not batch.joints[0, 1].any() and not batch.params_valid[0, 1]
    assert torch.isfinite(batch.joints).all() and torch.isfinite(batch.pose).all()
    for i, key in enumerate(batch.keys):
        sample = plain[plain.find(key)]
        for s, hand in enumerate(sample.hands):
            valid = hand.joints_valid
            pixels = CAMERA.project(hand.joints[valid]) @ batch.affine[i, 0, :, :2].numpy().T
            pixels += batch.affine[i, 0, :, 2].numpy()
            assert np.abs(batch.joints_2d[i, s].numpy()[valid] - pixels).max() < 1e-3
            image = batch.joints[i, s].numpy()[valid] @ batch.K_hands[i, s].numpy().T
            assert np.abs(image[:, :2] / image[:, 2:] - pixels).max() < 1e-3
            assert np.allclose(batch.joints[i, s].numpy()[valid], hand.joints[valid], atol=1e-6)
    floats = batch.normalised(Inputs(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)))
    assert floats.dtype == torch.float32 and -1 <= floats.min() < floats.max() <= 1


def test_masks_follow_the_picture(plain: PlainDataset) -> None:
    batch = next(iter(batches(plain, Inputs(crop="full", size=SIZE, masks=MASKS), batch_size=3)))
    sample = plain[1]
    for name, side in (("target", 0), ("other", 1)):
        for kind in ("amodal", "visible"):
            ref = getattr(sample.hands[side], f"{kind}_mask")
            assert np.array_equal(batch.mask(f"{name}_{kind}")[1].numpy(), ref.read())
    assert np.abs(batch.images[1, 0].permute(1, 2, 0).numpy().astype(int) - sample.image.read()).max() == 0


@pytest.mark.parametrize("name", ["plain", "aih"])
def test_workers_and_start_methods_change_nothing(name: str, plain: PlainDataset, aih: Path) -> None:
    data = plain if name == "plain" else load_dataset("aih", aih, quiet=True)
    # Opened and read before workers are forked: file handles must not be shared in a way that matters.
    data[0].image.read()
    settings: dict[str, Any] = {"batch_size": 4, "augment": "full", "seed": 5, "epoch": 2, "shuffle": True}
    want = digest(batches(data, BOTH, **settings))
    for workers, start in ((1, "fork"), (2, "fork"), *([(2, "spawn")] if name == "aih" else [])):
        assert digest(batches(data, BOTH, workers=workers, start=start, **settings)) == want
    assert digest(batches(data, BOTH, **{**settings, "epoch": 3})) != want
    assert digest(batches(data, BOTH, **{**settings, "seed": 6})) != want


def test_an_item_depends_on_no_other(plain: PlainDataset) -> None:
    """Batch size, order and company of an item do not matter, nor which subset it is in."""
    one = {}
    for batch in batches(plain, BOTH, batch_size=1, augment="full", seed=1):
        one[batch.keys[0], bool(batch.flipped[0]), int(batch.side[0])] = batch
    some = Subset(plain, [9, 2, 4])
    seen = 0
    for loop in (
        batches(plain, BOTH, batch_size=7, augment="full", seed=1, shuffle=True),
        batches(some, BOTH, batch_size=2, augment="full", seed=1),
    ):
        for batch in loop:
            for i, key in enumerate(batch.keys):
                alone = one[key, bool(batch.flipped[i]), int(batch.side[i])]
                seen += 1
                for name in ("images", "K", "joints", "pose", "transl", "mask_bits", "affine", "visibility"):
                    assert torch.equal(
                        getattr(batch, name)[i].nan_to_num(), getattr(alone, name)[0].nan_to_num()
                    ), name
    assert seen == len(one) + 6


def test_two_frames(plain: PlainDataset) -> None:
    inputs = Inputs(frames=2, size=(96, 96), supervise="all")
    batch = next(iter(batches(plain, inputs, batch_size=64, augment=Augment())))
    assert batch.images.shape == (11, 2, 3, 96, 96)
    real = batch.frame_valid[:, 1].tolist()
    # Frame 0 has no earlier one, frame 6 follows the missing frame 5.
    assert [k for k, ok in zip(plain.frames, real, strict=True) if not ok] == [0, 6]
    assert torch.equal(batch.images[0, 0], batch.images[0, 1])
    assert torch.equal(batch.affine[:, 0], batch.affine[:, 1])
    (before,) = batch.earlier
    assert torch.equal(before.K, batch.K)
    moved = (batch.joints[3, 0] - before.joints[3, 0])[4:].norm(dim=-1)
    assert torch.allclose(moved[batch.joints_valid[3, 0, 4:]][:8], torch.tensor(0.002), atol=1e-5)
    own = next(iter(batches(plain, Inputs(frames=2, size=(96, 96), prev_crop="own"), batch_size=11)))
    assert not torch.equal(own.affine[3, 0], own.affine[3, 1])
    # The same pixels as that frame's own item, as nothing is drawn.
    assert torch.equal(own.images[3, 1], own.images[2, 0])
    # Frames that a subset leaves out are still there for the one that follows.
    few = next(iter(batches(Subset(plain, [4]), inputs)))
    assert few.frame_valid.tolist() == [[True, True]]


def test_mirrored_left_hands_are_right_hands(plain: PlainDataset) -> None:
    left = next(iter(batches(plain, Inputs(sides="left", size=(96, 96)), batch_size=7)))
    seen = next(iter(batches(plain, Inputs(sides="left", size=(96, 96), mirror_left=True), batch_size=7)))
    assert set(left.side.tolist()) == {1} and set(seen.side.tolist()) == {0}
    assert seen.flipped.all() and (seen.K[:, 0, 0] > 0).all()
    # Interpolating the other way round may differ by one grey level.
    assert (seen.images.int() - left.images.flip(-1).int()).abs().max() <= 1
    assert torch.allclose(seen.joints[:, 0], left.joints[:, 1] * torch.tensor([-1.0, 1, 1]), atol=1e-6)


def test_occluders_hide_masks_and_joints(plain: PlainDataset) -> None:
    inputs = Inputs(crop="pair", sides="both", size=(96, 96), masks=MASKS)
    settings = Augment(scale=0, rotation=0, gain=0, p_occlude=1.0, occluder=(0.1, 0.2))
    with_them = next(iter(batches(plain, inputs, batch_size=11, augment=settings)))
    without = next(iter(batches(plain, inputs, batch_size=11)))
    changed = (with_them.images != without.images).any(dim=(1, 2))
    lost = without.masks() & ~with_them.masks()
    assert lost[:, [1, 3]].any() and not lost[:, [0, 2]].any()
    # What a visible mask lost lies where the picture changed (an occluder may keep a colour by chance).
    assert (lost[:, 1] & ~changed).sum() < 0.02 * lost[:, 1].sum()
    hidden = (with_them.visibility == 0) & (without.visibility > 0)
    assert hidden.any() and not hidden.all()


@pytest.fixture
def damaged(tmp_path: Path) -> PlainDataset:
    root = write_plain(tmp_path / "p")
    path = root / "0003.jpg"
    path.write_bytes(path.read_bytes()[:2000])
    (root / "0007.jpg").write_bytes(b"<html>not here</html>")
    return PlainDataset(root)


def test_bad_samples_are_counted(damaged: PlainDataset, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = Inputs(size=(96, 96))
    with pytest.raises(
        HandbenchError, match=r"bad samples of 11, more than 0.001 of them; the first: .*0003"
    ):
        list(batches(damaged, inputs, batch_size=4))
    loop = batches(damaged, inputs, batch_size=4, max_bad=0.2)
    keys = [key for batch in loop for key in batch.keys]
    assert len(keys) == 9 and "plain/train/0003" not in keys
    assert sorted(loop.bad) == ["plain/train/0003", "plain/train/0007"]
    assert "0003.jpg" in loop.bad["plain/train/0003"] and "<html>" in loop.bad["plain/train/0007"]
    assert "bad sample, skip: " in capsys.readouterr().err
    with pytest.raises(BadSampleError, match="0003"):
        list(batches(damaged, inputs, batch_size=4, bad="error", workers=1))


def test_bad_samples_are_replaced_alike_by_all_workers(damaged: PlainDataset) -> None:
    settings: dict[str, Any] = {"batch_size": 4, "shuffle": True, "max_bad": 0.2, "augment": "handoccnet"}
    loop = batches(damaged, Inputs(size=(96, 96)), **settings)
    keys = [key for batch in loop for key in batch.keys]
    assert len(keys) == 11 and not set(keys) & set(loop.bad) and len(set(keys)) < 11
    want = digest(loop)
    assert digest(batches(damaged, Inputs(size=(96, 96)), workers=2, **settings)) == want


def test_tensors_may_be_kept(plain: PlainDataset) -> None:
    """Shared buffers are used again only when nobody holds their tensors, views included."""
    inputs = Inputs(sides="both", size=(32, 32))
    want = [batch.images.clone() for batch in batches(plain, inputs, batch_size=2)]
    loop = batches(plain, inputs, batch_size=2, workers=2)
    kept = [batch.images[:, 0] for batch in loop]
    assert len(kept) == len(want) > 6
    for mine, theirs in zip(kept, want, strict=True):
        assert torch.equal(mine, theirs[:, 0])
    # An epoch that is left early, then a whole one, with the same workers.
    for _ in range(3):
        next(iter(loop))
    again = [batch.images.clone() for batch in loop]
    assert all(torch.equal(a, b) for a, b in zip(again, want, strict=True))


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "left early"])
def test_workers_go_with_their_batches(plain: PlainDataset, whole: bool) -> None:
    """Without a wait for the garbage collector, in which torch would wait for each worker for seconds."""
    gc.disable()
    try:
        loop = batches(plain, Inputs(size=(32, 32)), batch_size=2, workers=1)
        seen = list(loop) if whole else [next(iter(loop))]
        assert loop._loader is not None
        (worker,) = loop._loader._iterator._workers  # type: ignore[union-attr]
        there = weakref.ref(loop)
        del loop, seen
        assert there() is None and worker.exitcode == 0
    finally:
        gc.enable()


def test_parts_share_an_epoch(plain: PlainDataset) -> None:
    parts = [
        [
            key
            for batch in batches(plain, Inputs(), batch_size=2, shuffle=True, part=(rank, 2))
            for key in batch.keys
        ]
        for rank in (0, 1)
    ]
    assert len(parts[0]) == len(parts[1]) == 5 and not set(parts[0]) & set(parts[1])
    loop = batches(plain, Inputs(), batch_size=4, drop_last=True)
    assert len(loop) == len(list(loop)) == 2
    assert len(batches(plain, Inputs(), batch_size=4)) == 3


@pytest.mark.parametrize("crop", ["full", "hand"])
def test_records_read_directly_equal_samples(aih: Path, crop: str) -> None:
    data = load_dataset("aih", aih, quiet=True)
    source, _ = open_source(data)
    assert isinstance(source, StoreSource)
    inputs = Inputs(crop=crop, sides="both", masks=MASKS, target_image=True, size=(96, 96))  # type: ignore[arg-type]
    fast = batches(data, inputs, batch_size=8, augment="full", seed=3)
    slow = batches(data, inputs, batch_size=8, augment="full", seed=3)
    object.__setattr__(slow._maker, "source", SampleSource(data))
    for a, b in zip(fast, slow, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(present(a.target_images), present(b.target_images))
        assert torch.equal(present(a.mask_bits), present(b.mask_bits)) and torch.equal(a.side, b.side)
        shown = a.hand_valid.any(dim=1)
        for name in ("joints", "pose", "transl", "K", "joints_2d", "box"):
            assert torch.allclose(getattr(a, name)[shown], getattr(b, name)[shown], atol=1e-3), name


def test_wrong_calls(plain: PlainDataset) -> None:
    for words, wrong in (
        ("batch_size=0", {"batch_size": 0}),
        ("part=", {"part": (2, 2)}),
        ("did you mean 'full'", {"augment": "ful"}),
        ("p_flip=0.5 would show other hands to a model of right", {"augment": "full", "inputs": Inputs()}),
    ):
        with pytest.raises(HandbenchError, match=words):
            batches(plain, **wrong)
    with pytest.raises(HandbenchError, match="no left hands to make batches of"):
        batches(Subset(plain, [0, 3]), Inputs(sides="left"))
    with pytest.raises(ValueError, match="no masks"):
        next(iter(batches(plain))).masks()


def test_importing_loaders_is_light() -> None:
    code = "import sys, handbench.loaders, handbench.inputs; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "cv2", "numba", "scipy"} & set(done.stdout.split())
