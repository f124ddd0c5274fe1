"""Holes that are filled without learning."""

from __future__ import annotations

import numpy as np
import pytest

from handbench.baselines.fill import fill_mean, fill_telea
from handbench.errors import HandbenchError


def _scene() -> tuple[np.ndarray, np.ndarray]:
    """Returns a ramp and a flat picture (2, 32, 32, 3), black on the left, and a hole in their middle."""
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8)[:, None, None] * 6 + 30, (32, 32, 3))
    images = np.stack([ramp, np.full((32, 32, 3), (200, 100, 50), np.uint8)])
    images[:, :, :8] = 0
    holes = np.zeros((2, 32, 32), bool)
    holes[:, 12:20, 8:20] = True
    return images, holes


@pytest.mark.parametrize("fill", [fill_telea, fill_mean])
def test_only_holes_change(fill) -> None:  # type: ignore[no-untyped-def]
    images, holes = _scene()
    before = images.copy()
    done = fill(images, holes)
    assert np.array_equal(images, before) and np.array_equal(done[~holes], images[~holes])
    assert done.dtype == np.uint8
    assert np.array_equal(fill(images, np.zeros_like(holes)), images)
    # Nothing is known: grey, and no error.
    assert (fill(images, np.ones_like(holes)) == 128).all()
    # What was in the hole does not matter.
    images[holes] = 7
    assert np.array_equal(fill(images, holes), done)
    with pytest.raises(HandbenchError, match="differ in size"):
        fill(images, holes[:1])
    with pytest.raises(HandbenchError, match="differ in size"):
        fill(images, holes, holes[:, 1:])


def test_colours() -> None:
    """Telea's go on from the rim, the mean is one; black beyond the picture is left out where known."""
    images, holes = _scene()
    inside = np.ones_like(holes)
    inside[:, :, :8] = False
    telea, mean = fill_telea(images, holes, inside), fill_mean(images, holes, inside)
    wanted = images[0, :, 30]
    assert np.abs(telea[0, 12:20, 12].astype(int) - wanted[12:20]).max() < 20
    assert np.abs(telea[1][holes[1]].astype(int) - (200, 100, 50)).max() < 10
    assert (mean[1][holes[1]] == (200, 100, 50)).all()
    assert len(np.unique(mean[0][holes[0]])) == 1
    dark_telea, dark_mean = fill_telea(images, holes), fill_mean(images, holes)
    assert dark_telea[1, 15, 8, 0] < 150 and dark_mean[1, 15, 8, 0] < 200
