"""What refining an outline spends its time on: local colour models, and labels that agree."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

Y_BINS, C_BINS = 24, 6
BINS = Y_BINS * C_BINS * C_BINS
_STEPS = np.array([(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)])


@nb.njit(cache=True, nogil=True)
def colour_bins(ycc: Any) -> Any:
    """Returns the bin (h, w) int16 of each colour (h, w, 3) uint8, YCrCb."""
    height, width = ycc.shape[:2]
    out = np.empty((height, width), dtype=np.int16)
    for y in range(height):
        for x in range(width):
            a = int(ycc[y, x, 0]) * Y_BINS // 256
            # Skin and studio lie within 40 steps of grey; beyond that one bin is enough.
            b = min(max((int(ycc[y, x, 1]) - 128 + 36) * C_BINS // 72, 0), C_BINS - 1)
            c = min(max((int(ycc[y, x, 2]) - 128 + 36) * C_BINS // 72, 0), C_BINS - 1)
            out[y, x] = (a * C_BINS + b) * C_BINS + c
    return out


@nb.njit(cache=True, nogil=True)
def local_evidence(bins: Any, inner: Any, outer: Any, band: Any, centres: Any, radius: int) -> Any:
    """Returns (h, w) float32, log p(hand) - log p(background) in the band, from windows along the outline.

    Args:
        bins: (h, w) from :func:`colour_bins`.
        inner: (h, w) uint8, surely hand.
        outer: (h, w) uint8, surely background.
        band: (h, w) uint8, where labels are open.
        centres: (W, 2) column and row of each window.
        radius: of a window [px].
    """
    height, width = bins.shape
    total, weight = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    hand, back = np.zeros(BINS, np.float32), np.zeros(BINS, np.float32)
    everywhere = np.zeros(BINS, np.float32)
    for y in range(height):
        for x in range(width):
            if inner[y, x]:
                everywhere[bins[y, x]] += 1
    spread(everywhere)
    for k in range(len(centres)):
        hand[:], back[:] = 0, 0
        x0, x1 = max(centres[k, 0] - radius, 0), min(centres[k, 0] + radius + 1, width)
        y0, y1 = max(centres[k, 1] - radius, 0), min(centres[k, 1] + radius + 1, height)
        fore = behind = 0
        for y in range(y0, y1):
            for x in range(x0, x1):
                if inner[y, x]:
                    hand[bins[y, x]] += 1
                    fore += 1
                elif outer[y, x]:
                    back[bins[y, x]] += 1
                    behind += 1
        if fore < 20 or behind < 20:
            continue
        spread(hand)
        spread(back)
        for y in range(y0, y1):
            for x in range(x0, x1):
                if not band[y, x]:
                    continue
                dx, dy = x - centres[k, 0], y - centres[k, 1]
                near = max(np.float32(0.05), 1 - np.float32(dx * dx + dy * dy) / np.float32(radius * radius))
                at = bins[y, x]
                p = np.float32(0.85) * hand[at] + np.float32(0.15) * everywhere[at] + np.float32(2e-3)
                q = back[at] + np.float32(2e-3)
                total[y, x] += near * np.log(p / q)
                weight[y, x] += near
    for y in range(height):
        for x in range(width):
            if weight[y, x] > 0:
                total[y, x] /= weight[y, x]
    return total


@nb.njit(cache=True, nogil=True)
def spread(histogram: Any) -> None:
    """Smooths a histogram along brightness and colour and makes it sum to 1, in place."""
    copy = histogram.copy()
    step = C_BINS * C_BINS
    total = np.float32(0)
    for a in range(Y_BINS):
        for b in range(C_BINS):
            for c in range(C_BINS):
                at = a * step + b * C_BINS + c
                value = 2 * copy[at]
                if a > 0:
                    value += copy[at - step]
                if a + 1 < Y_BINS:
                    value += copy[at + step]
                if b > 0:
                    value += np.float32(0.4) * copy[at - C_BINS]
                if b + 1 < C_BINS:
                    value += np.float32(0.4) * copy[at + C_BINS]
                if c > 0:
                    value += np.float32(0.4) * copy[at - 1]
                if c + 1 < C_BINS:
                    value += np.float32(0.4) * copy[at + 1]
                histogram[at] = value
                total += value
    for i in range(BINS):
        histogram[i] /= total


@nb.njit(cache=True, nogil=True)
def likeness(ycc: Any, band: Any, contrast: float) -> tuple[Any, Any]:
    """Returns the open pixels (B, 2) row and column, and how alike each is to its 8 neighbours, (B, 8).

    Args:
        ycc: (h, w, 3) uint8.
        band: (h, w) uint8, where labels are open; the picture's rim never is.
        contrast: a step of this many grey levels halves the likeness.
    """
    height, width = band.shape
    count = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            count += band[y, x]
    places, alike = np.empty((count, 2), np.int32), np.empty((count, 8), np.float32)
    scale = np.float32(np.log(2.0) / (contrast * contrast))
    n = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            if not band[y, x]:
                continue
            places[n, 0], places[n, 1] = y, x
            for k in range(8):
                dy, dx = _STEPS[k, 0], _STEPS[k, 1]
                square = np.float32(0)
                for c in range(3):
                    step = np.float32(ycc[y, x, c]) - np.float32(ycc[y + dy, x + dx, c])
                    square += step * step
                like = np.exp(-scale * square) + np.float32(0.05)
                alike[n, k] = like * np.float32(0.7) if dx != 0 and dy != 0 else like
            n += 1
    return places, alike


@nb.njit(cache=True, nogil=True)
def settle(evidence: Any, places: Any, alike: Any, labels: Any, pull: float, rounds: int) -> Any:
    """Returns (h, w) float32 shares of hand: evidence, and neighbours of like colour that agree (mean field).

    Args:
        evidence: (h, w) log odds.
        places: (B, 2) open pixels; all others keep their label.
        alike: (B, 8) from :func:`likeness`.
        labels: (h, w) uint8, where it starts.
        pull: strength of the agreement.
        rounds: number of sweeps.
    """
    share = labels.astype(np.float32)
    count = len(places)
    for sweep in range(rounds):
        for i in range(count):
            n = i if sweep % 2 == 0 else count - 1 - i
            y, x = places[n, 0], places[n, 1]
            field = np.float32(0)
            for k in range(8):
                field += alike[n, k] * (2 * share[y + _STEPS[k, 0], x + _STEPS[k, 1]] - 1)
            share[y, x] = 1 / (1 + np.exp(-(evidence[y, x] + np.float32(pull) * field)))
    return share
