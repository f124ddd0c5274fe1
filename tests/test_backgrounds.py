import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from handbench.errors import HandbenchError
from handbench.synth import background_cache
from handbench.synth.backgrounds import (
    FAMILIES,
    TEST_FAMILIES,
    TRAIN_FAMILIES,
    BackgroundSettings,
    PaintedBackgrounds,
    open_backgrounds,
    paint,
)

SMALL = BackgroundSettings(pictures=2, side=96)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HANDBENCH_CACHE", "off")
    background_cache._folder.cache_clear()
    yield
    background_cache._folder.cache_clear()


def test_families_split() -> None:
    assert len(TEST_FAMILIES) >= 3 and len(TRAIN_FAMILIES) >= 8
    assert not set(TEST_FAMILIES) & set(TRAIN_FAMILIES)
    assert set(TEST_FAMILIES) | set(TRAIN_FAMILIES) == set(FAMILIES.names())


@pytest.mark.parametrize("family", FAMILIES.names())
def test_every_family_paints_varied_pictures(family: str) -> None:
    one, two = paint(family, 0, 128), paint(family, 1, 128)
    assert one.shape == (128, 128, 3) and one.dtype == np.uint8
    assert np.array_equal(one, paint(family, 0, 128))
    assert np.abs(one.astype(int) - two).mean() > 5
    assert 8 < one.mean() < 247


def test_draws_are_the_same_in_another_process() -> None:
    code = (
        "import numpy as np, hashlib\n"
        "from handbench.synth.backgrounds import *\n"
        "source = open_backgrounds('procedural', BackgroundSettings(pictures=2, side=96))\n"
        "rng = np.random.default_rng(4)\n"
        "pictures = b''.join(source.draw(rng, (64, 48))[1].tobytes() for _ in range(6))\n"
        "print(hashlib.sha256(pictures).hexdigest())\n"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1 and len(runs.pop()) == 65


def test_order_of_drawing_does_not_matter() -> None:
    used, fresh = open_backgrounds("procedural", SMALL), open_backgrounds("procedural", SMALL)
    for seed in range(5):
        used.draw(np.random.default_rng(seed), (40, 40))
    copy = pickle.loads(pickle.dumps(used))
    pictures = [source.draw(np.random.default_rng(9), (50, 30))[1] for source in (used, fresh, copy)]
    assert pictures[0].shape == (30, 50, 3)
    assert np.array_equal(pictures[0], pictures[1]) and np.array_equal(pictures[0], pictures[2])


def test_family_is_named_and_gain_darkens() -> None:
    source = open_backgrounds(
        "procedural", BackgroundSettings(pictures=2, side=96, families=("wood", "stone"))
    )
    named = [source.draw(np.random.default_rng(seed), (32, 32)) for seed in range(12)]
    assert {name for name, _ in named} == {"wood", "stone"}
    assert np.array_equal(named[3][1], source.draw(np.random.default_rng(3), (32, 32))[1])
    dark = source.draw(np.random.default_rng(3), (32, 32), np.full(3, 0.5))[1]
    assert dark.mean() == pytest.approx(named[3][1].mean() / 2, rel=0.05)


def test_cached_pictures_are_the_painted_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDBENCH_CACHE", str(tmp_path))
    background_cache._folder.cache_clear()
    painted = paint("wood", 1, 96)
    assert np.array_equal(PaintedBackgrounds(SMALL).painting("wood", 1), painted)
    (file,) = tmp_path.rglob("*.rgb")
    assert np.array_equal(PaintedBackgrounds(SMALL).painting("wood", 1), painted)
    data = bytearray(file.read_bytes())
    data[500] ^= 1
    file.write_bytes(data)
    assert np.array_equal(PaintedBackgrounds(SMALL).painting("wood", 1), painted)
    assert file.read_bytes() != bytes(data)


def test_fingerprint_follows_the_settings() -> None:
    other = BackgroundSettings(pictures=3, side=96)
    prints = {open_backgrounds("procedural", s).fingerprint for s in (SMALL, other, BackgroundSettings())}
    assert len(prints) == 3


def test_unknown_family_names_the_nearest() -> None:
    with pytest.raises(HandbenchError, match="did you mean 'brick'"):
        open_backgrounds("procedural", BackgroundSettings(families=("bricks",)))


def _folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, shape in (("a.jpg", (40, 60, 3)), ("b.png", (900, 700, 3)), ("note.txt", (2, 2, 3))):
        _, data = cv2.imencode(
            ".png" if name.endswith("txt") else name[1:], rng.integers(0, 255, shape, np.uint8)
        )
        (tmp_path / name).write_bytes(data.tobytes())
    return tmp_path


def test_folder_gives_crops_of_its_images(tmp_path: Path) -> None:
    source = open_backgrounds(f"folder:{_folder(tmp_path)}")
    pictures = [source.draw(np.random.default_rng(seed), (32, 24))[1] for seed in range(8)]
    assert all(picture.shape == (24, 32, 3) for picture in pictures)
    assert np.array_equal(
        pictures[3], open_backgrounds(str(tmp_path)).draw(np.random.default_rng(3), (32, 24))[1]
    )
    before = source.fingerprint
    (tmp_path / "a.jpg").unlink()
    assert open_backgrounds(str(tmp_path)).fingerprint != before


def test_bad_folders_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(HandbenchError, match="no folder"):
        open_backgrounds(str(tmp_path / "missing"))
    with pytest.raises(HandbenchError, match="no jpg or png images"):
        open_backgrounds(str(tmp_path))
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    with pytest.raises(HandbenchError, match=r"broken\.jpg"):
        open_backgrounds(str(tmp_path)).draw(np.random.default_rng(0), (32, 32))
