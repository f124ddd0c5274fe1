"""Frames of InterHand2.6M as backgrounds: hands vanish, what shows nothing is skipped, draws are the same."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from interhand_tree import make_tree
from present import present

from handbench.arrays import ImageArray
from handbench.camera import Camera
from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.seeding import rng_for
from handbench.synth.background_frames import FrameBackgrounds
from handbench.synth.backgrounds import BackgroundSettings, open_backgrounds
from handbench.synth.hand_eraser import erase_hands
from handbench.synth.persons import NobodyError
from handbench.types import HandAnnotation, Side

PLAIN = BackgroundSettings(brightness=(1.0, 1.0), tint=0.0)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Pictures of one grey value each."""
    make_tree(tmp_path / "flat")
    return tmp_path / "flat"


def hand_on(picture: ImageArray, camera: Camera, colour: tuple[int, int, int]) -> HandAnnotation:
    """Paints a rough hand of one colour and returns its joints."""
    model = load_hand_model("procedural", Side.RIGHT)
    joints = forward(model, np.zeros((1, 48)), np.zeros(10), np.array([0.0, 0.0, 0.6])).joints21[0]
    pixels = np.rint(camera.project(joints)).astype(int)
    for finger in range(5):
        chain = [0, *range(1 + 4 * finger, 5 + 4 * finger)]
        cv2.polylines(picture, [pixels[chain]], False, colour, 18)
    return HandAnnotation(Side.RIGHT, joints, np.ones(21, bool))


def test_a_hand_vanishes_and_the_rest_stays() -> None:
    rng = rng_for(1)
    ground = np.asarray(cv2.resize(rng.integers(0, 60, (40, 30, 3), np.uint8), (300, 400)), np.uint8)
    camera = Camera(np.array([[420.0, 0, 150], [0, 420.0, 200], [0, 0, 1]]), (300, 400))
    picture = ground.copy()
    hand = hand_on(picture, camera, (230, 190, 160))
    clean = present(erase_hands(picture, camera, [hand]))
    assert (picture[..., 0] > 150).sum() > 3000 and not (clean[..., 0] > 90).any()
    assert np.array_equal(clean[:20], picture[:20]) and np.array_equal(clean[-20:], picture[-20:])
    assert np.array_equal(clean, present(erase_hands(picture, camera, [hand])))
    few = replace(hand, joints_valid=np.arange(21) < 2)
    assert erase_hands(picture, camera, [few]) is None
    near = Camera(np.array([[4000.0, 0, 150], [0, 4000.0, 200], [0, 0, 1]]), (300, 400))
    assert erase_hands(picture, near, [hand]) is None


def test_real_hands_vanish(real_frames: Path) -> None:
    for sample in load_dataset("interhand", real_frames, split="test", hand_type="interacting", quiet=True):
        image = sample.image.read()
        clean = present(erase_hands(image, sample.camera, sample.hands))
        joints = np.concatenate([hand.joints for hand in sample.hands])
        x, y = np.rint(sample.camera.project(joints)).astype(int).T
        skin = np.median(image[y, x].astype(int), axis=0)
        alike = [(np.abs(picture[y, x] - skin).max(axis=1) < 25).mean() for picture in (image, clean)]
        assert alike[0] > 0.4 and alike[1] == 0.0
        assert (clean == image).all(axis=2).mean() > 0.4


def test_frames_are_the_same_in_every_process(real_frames: Path) -> None:
    code = (
        "import hashlib, sys\n"
        "from handbench.seeding import rng_for\n"
        "from handbench.synth.backgrounds import open_backgrounds\n"
        "source = open_backgrounds(sys.argv[1])\n"
        "names, pictures = zip(*(source.draw(rng_for(i), (96, 64)) for i in (5, 1, 3)))\n"
        "assert set(names) == set(source.families) == {'interhand'}\n"
        "assert 'handbench.loaders.interhand' in sys.modules\n"
        "print(hashlib.sha256(b''.join(p.tobytes() for p in pictures)).hexdigest())\n"
    )
    spec = f"interhand:{real_frames}"
    done = subprocess.run([sys.executable, "-c", code, spec], capture_output=True, text=True, check=True)
    source = open_backgrounds(spec)
    for i in range(8):
        source.draw(rng_for(i), (32, 32))
    for one in (source, pickle.loads(pickle.dumps(source))):
        pictures = [one.draw(rng_for(i), (96, 64))[1] for i in (5, 1, 3)]
        assert pictures[0].shape == (64, 96, 3)
        found = hashlib.sha256(b"".join(picture.tobytes() for picture in pictures)).hexdigest()
        assert found == done.stdout.strip()


def values_of(source: FrameBackgrounds, draws: int = 60) -> set[int]:
    """Returns the values that flat pictures have."""
    return {int(np.median(source.draw(rng_for(i), (16, 16))[1])) for i in range(draws)}


def damage(root: Path, choose: Callable[[Path], bool], content: bytes | None) -> None:
    for path in sorted(root.rglob("*.jpg")):
        if choose(path):
            path.unlink() if content is None else path.write_bytes(content)


def test_frames_that_show_nothing_are_skipped(flat: Path) -> None:
    spec = f"interhand:{flat}@missing=keep,split=test"
    data = load_dataset("interhand", flat, split="test", quiet=True)
    grey = {40 + int(s.key.rpartition("/")[2]) % 200: bool(s.meta["grey"]) for s in data}
    first = FrameBackgrounds(spec, PLAIN)
    # Grey cameras are left alone while there are others.
    assert values_of(first) and not any(grey[value] for value in values_of(first))
    assert first.persons == {"subject 0": 24, "subject 1": 12}
    black = cv2.imencode(".jpg", np.zeros((96, 64, 3), np.uint8))[1].tobytes()
    damage(flat, lambda path: "400026/image10" in path.as_posix(), black)
    damage(flat, lambda path: "400026/image13" in path.as_posix(), b"no picture")
    damage(flat, lambda path: "400412" in path.as_posix() and "ROM02" not in path.as_posix(), None)
    spoilt = FrameBackgrounds(spec, PLAIN)
    assert spoilt.fingerprint == first.fingerprint and values_of(spoilt) < values_of(first)
    damage(flat, lambda path: "cam41" not in path.as_posix(), None)
    only_grey = values_of(FrameBackgrounds(spec, PLAIN))
    assert only_grey and all(grey[value] for value in only_grey)
    damage(flat, lambda path: True, b"")
    with pytest.raises(HandbenchError, match=r"none of 36 pictures .* \(handbench data verify"):
        FrameBackgrounds(spec, PLAIN).draw(rng_for(0), (16, 16))
    damage(flat, lambda path: True, None)
    with pytest.raises(HandbenchError, match="none of the 36 pictures of the annotation is there"):
        open_backgrounds(f"interhand:{flat}@split=test")


def test_frames_are_chosen_by_person_and_named_by_hash(flat: Path) -> None:
    spec = f"interhand:{flat}@split=test"
    whole = FrameBackgrounds(spec, PLAIN)
    one = FrameBackgrounds(spec, PLAIN, "subject 1".__eq__)
    assert one.persons == {"subject 1": 12} and values_of(one) < values_of(whole)
    other = FrameBackgrounds(f"{spec},hand_type=right", PLAIN)
    prints = {s.fingerprint for s in (whole, one, other, FrameBackgrounds(spec, BackgroundSettings()))}
    assert len(prints) == 4
    with pytest.raises(NobodyError, match="nothing usable of these people"):
        FrameBackgrounds(spec, PLAIN, "subject 9".__eq__)
