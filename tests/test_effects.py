from dataclasses import replace

import numpy as np
import pytest

from handbench.compose.effects import Effects, EffectsSettings, Picture, apply_effects, draw_effects

PLAIN = Effects((1.0, 1.0, 1.0), 0.0, 0.0, 0.0, 0.0, (0, 0), (0.0, 0.0), 0.0, False, 90)


def _picture(seed: int, shape: tuple[int, int] = (96, 120)) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def test_neutral_effects_change_nothing() -> None:
    image = _picture(0)
    assert np.array_equal(apply_effects(image, PLAIN), image)
    assert np.array_equal(apply_effects(image.astype(np.float32) + np.float32(0.2), PLAIN), image)


@pytest.mark.parametrize("seed", range(12))
def test_pictures_differ_only_near_where_they_differed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    effects = draw_effects(rng, EffectsSettings(p_motion_blur=0.7, p_defocus=0.7))
    first, second = _picture(seed), _picture(seed)
    second[40:50, 60:75] = 255 - second[40:50, 60:75]
    before = first.copy()
    one, two = apply_effects(first, effects), apply_effects(second, effects)
    changed = np.argwhere((one != two).any(axis=2))
    r = effects.blur_radius
    assert (changed.min(axis=0) >= (40 - r, 60 - r)).all()
    assert (changed.max(axis=0) <= (49 + r, 74 + r)).all()
    assert np.array_equal(first, before)


def test_same_stream_gives_the_same_picture() -> None:
    one = apply_effects(_picture(3), draw_effects(np.random.default_rng(5)))
    two = apply_effects(_picture(3), draw_effects(np.random.default_rng(5)))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("motion", [(7.0, 0.0), (3.3, -5.1), (0.0, 4.0)])
def test_motion_blur_is_the_mean_along_the_path(motion: tuple[float, float]) -> None:
    dot = np.zeros((41, 41, 3), np.uint8)
    dot[20, 20] = 255
    blurred = apply_effects(dot, replace(PLAIN, motion=motion)).astype(np.float64)[:, :, 0]
    ys, xs = np.mgrid[:41, :41] - 20
    total = blurred.sum()
    assert total == pytest.approx(255, rel=0.1)
    assert abs((xs * blurred).sum() / total) < 0.15 and abs((ys * blurred).sum() / total) < 0.15
    spread = (xs * motion[0] + ys * motion[1]) / np.hypot(*motion)
    assert np.sqrt((spread**2 * blurred).sum() / total) == pytest.approx(np.hypot(*motion) / 12**0.5, rel=0.2)


def test_noise_has_the_drawn_strength() -> None:
    grey = np.full((700, 700, 3), 100, np.uint8)
    noisy = apply_effects(grey, replace(PLAIN, noise_read=2.0, noise_shot=0.05, noise_offset=(17, 400)))
    assert noisy.std() == pytest.approx((4 + 0.05 * 100) ** 0.5, rel=0.05)
    assert noisy.mean() == pytest.approx(100, abs=0.2)


def test_low_light_is_dark() -> None:
    settings = EffectsSettings(p_low_light=1.0)
    image = np.random.default_rng(0).normal(110, 40, (64, 64, 3)).clip(0, 255).astype(np.uint8)
    means = [apply_effects(image, draw_effects(np.random.default_rng(i), settings)).mean() for i in range(30)]
    assert max(means) < 30 and min(means) > 2
