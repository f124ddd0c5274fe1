"""Masks, filled holes, relative roots and handedness against plain references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.metrics import structural_similarity

from handbench.arrays import BoolArray
from handbench.errors import HandbenchError
from handbench.metrics.masks import boundary_f, mask_iou, occluded_part, packed_iou, unpack_masks
from handbench.metrics.pictures import MAX_PSNR, all_hole_errors, hole_errors
from handbench.metrics.relative import handedness_correct, relative_root, relative_root_error


def blobs(seed: int, n: int, height: int, width: int) -> BoolArray:
    noise = np.random.default_rng(seed).normal(size=(n, height, width))
    return np.asarray(ndimage.gaussian_filter(noise, (0, 4, 4)) > 0.02)


@given(st.integers(0, 2**32 - 1), st.integers(3, 40), st.integers(3, 41))
def test_iou_of_packed_and_plain_masks_is_the_count_of_pixels(seed: int, height: int, width: int) -> None:
    a, b = blobs(seed, 4, height, width), blobs(seed + 1, 4, height, width)
    a[3] = b[3] = False
    packed = np.packbits(a.reshape(4, -1), axis=1)
    assert np.array_equal(unpack_masks(packed, (width, height)), a)
    expected = [
        len(np.argwhere(x & y)) / len(np.argwhere(x | y)) if (x | y).any() else np.nan
        for x, y in zip(a, b, strict=True)
    ]
    assert np.array_equal(mask_iou(a, b), expected, equal_nan=True)
    assert np.isnan(mask_iou(a, b)[3])
    assert np.array_equal(packed_iou(packed, packed)[:3], np.where(a.any((1, 2)), 1.0, np.nan)[:3], True)


def davis_f(a: BoolArray, b: BoolArray, radius: int) -> float:
    """The DAVIS formula in plain steps: boundary maps, dilation by a disc, precision and recall."""

    def edges(mask: BoolArray) -> BoolArray:
        more = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
        return np.asarray((more[:-1, 1:] != mask) | (more[1:, :-1] != mask) | (more[1:, 1:] != mask))

    v, u = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disc = u**2 + v**2 <= radius**2
    mine, other = edges(a), edges(b)
    precision = (mine & ndimage.binary_dilation(other, disc)).sum() / mine.sum()
    recall = (other & ndimage.binary_dilation(mine, disc)).sum() / other.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@given(st.integers(0, 2**32 - 1), st.integers(0, 5))
def test_boundary_f_is_the_davis_formula(seed: int, radius: int) -> None:
    a, b = blobs(seed, 3, 48, 60), blobs(seed + 7, 3, 48, 60)
    a |= blobs(seed + 9, 3, 48, 60)
    expected = [davis_f(x, y, radius) for x, y in zip(a, b, strict=True)]
    assert boundary_f(a, b, radius) == pytest.approx(expected, abs=1e-12)


def test_boundary_f_at_its_edges() -> None:
    square = np.zeros((1, 256, 256), dtype=bool)
    square[0, 100:150, 100:150] = True
    nothing = np.zeros_like(square)
    # The default tolerance of 256 px is 3 px.
    assert boundary_f(square, np.roll(square, 3, axis=2))[0] == 1.0
    assert boundary_f(square, np.roll(square, 4, axis=2))[0] < 1.0
    assert boundary_f(square, nothing)[0] == boundary_f(nothing, square)[0] == 0.0
    assert np.isnan(boundary_f(nothing, nothing)[0])


def test_the_occluded_part_is_hidden_and_of_the_hand() -> None:
    amodal, visible = np.array([[[1, 1, 0]]], bool), np.array([[[1, 0, 1]]], bool)
    assert occluded_part(amodal, visible).tolist() == [[[False, True, False]]]


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_errors_of_a_hole_are_those_of_the_whole_pictures_map(seed: int, at_corner: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 256, (50, 64, 3), dtype=np.uint8)
    image = np.clip(truth + rng.normal(scale=9, size=truth.shape), 0, 255).astype(np.uint8)
    hole = np.zeros((50, 64), bool)
    v, u = (0, 0) if at_corner else rng.integers(0, 45, 2)
    hole[v : v + 3, u : u + 4] = rng.random((3, 4)) > 0.3
    hole[v, u] = True
    found = hole_errors(image, truth, hole)
    squares = [(float(image[i, j, c]) - float(truth[i, j, c])) ** 2
               for i, j in np.argwhere(hole) for c in range(3)]  # fmt: skip
    _, whole = structural_similarity(  # type: ignore[no-untyped-call]
        image, truth, data_range=255, channel_axis=-1, full=True, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert found.psnr == pytest.approx(-10 * np.log10(np.mean(squares) / 65025))
    assert found.l1 == pytest.approx(np.mean(np.sqrt(squares)))
    assert found.ssim == pytest.approx(np.mean([whole[i, j] for i, j in np.argwhere(hole)]), abs=1e-9)


def test_perfect_and_empty_holes_do_not_poison_a_mean() -> None:
    truth = np.zeros((3, 20, 20, 3), np.uint8)
    image, holes = truth.copy(), np.zeros((3, 20, 20), bool)
    holes[:2, 5:9, 5:9] = True
    image[1, 5:9, 5:9] = 255
    columns = all_hole_errors(image, truth, holes)
    assert columns[0].tolist() == [MAX_PSNR, 1.0, 0.0]
    assert columns[1, 0] == 0.0
    assert columns[1, 2] == 255.0
    assert np.isnan(columns[2]).all()
    assert all_hole_errors(image[:0], truth[:0], holes[:0]).shape == (0, 3)


def test_pictures_that_cannot_be_compared_are_refused() -> None:
    picture = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(HandbenchError, match="differ in size"):
        hole_errors(picture, picture[:-1], np.ones((20, 20), bool))
    with pytest.raises(HandbenchError, match="smaller than SSIM"):
        hole_errors(picture[:10], picture[:10], np.ones((10, 20), bool))


def test_relative_root_is_left_minus_right() -> None:
    right, left = np.array([[0.1, 0.0, 0.5]]), np.array([[-0.1, 0.0, 0.5]])
    said = relative_root(right, left)
    assert said.tolist() == [[-0.2, 0.0, 0.0]]
    # Both hands moved together: no error. Exchanged: the distance doubles.
    assert relative_root_error(relative_root(right + 1, left + 1), said) == pytest.approx(0, abs=1e-12)
    assert relative_root_error(relative_root(left, right), said) == pytest.approx(0.4)


def test_handedness_is_strict_on_both_sides() -> None:
    right = np.array([True, True, True, False, True, True])
    left = np.array([False, False, True, True, False, True])
    said = np.array([[0.6, 0.4], [0.6, 0.5], [0.6, 0.5], [0.4, 0.6], [0.6, np.nan], [0.51, 0.99]])
    assert handedness_correct(said, right, left).tolist() == [True, False, False, True, False, True]
