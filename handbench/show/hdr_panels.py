"""The panels of a strip: masks over the dimmed picture, completed pictures, skeletons, or words."""

from __future__ import annotations

import cv2
import numpy as np

from handbench.arrays import BoolArray, ImageArray
from handbench.show import marks
from handbench.show.draw import INK
from handbench.show.hdr_strip import Row, ShownHand, Strip
from handbench.show.lettering import text_width, write
from handbench.show.marks import Color
from handbench.show.view import View, open_view, whole
from handbench.types import Side

CELL = 256
"""Side of a panel [px]."""

TINTS: dict[Side, Color] = {Side.RIGHT: (60, 150, 230), Side.LEFT: (240, 160, 30)}
"""Of masks: the blue and the orange of the sides, bright enough for a dimmed picture."""

_STRIPE = 10
_WHITE: Color = (250, 250, 250)
_DIM, _TINT = 0.4, 0.85
_SIZE = 17


def panels(strip: Strip, row: Row) -> list[ImageArray]:
    """Draws a row but for its first panel: four masks, two completed pictures, both poses."""
    view = cut(strip.crop, strip)
    found = []
    for side in Side:
        hand = row.hands.get(side)
        found += [_whole_mask(view, side, hand, row), _seen_mask(view, side, hand, row)]
    found += [_picture(strip, view, side, row.hands.get(side), row) for side in Side]
    return [*found, _poses(view, row)]


def cut(image: ImageArray, strip: Strip) -> View:
    """Returns the part of a crop that is drawn, in the size of a panel."""
    return open_view(image, np.eye(3), strip.window, (CELL, CELL))


def seen_by(strip: Strip) -> ImageArray:
    """Draws the crop that the pipeline saw; a box about the part that the other panels show."""
    view = open_view(strip.crop, np.eye(3), whole(strip.crop.shape), (CELL, CELL))
    if strip.zoomed:
        x, y, w, h = strip.window
        low, high = view.moved(np.array([[x, y], [x + w, y + h]]))
        marks.box(view.image, low, high, _WHITE)
    return view.image


def nothing(view: View, text: str) -> ImageArray:
    """Draws a panel that says why it shows nothing."""
    out = _dimmed(view)
    width = text_width(text, _SIZE) + 16
    top, left = CELL // 2 - 18, (CELL - width) // 2
    out[top : top + 36, left : left + width] = INK
    write(out, text, (left + 8, CELL // 2 + 6), _SIZE, _WHITE)
    return out


def hatch(area: ImageArray, color: Color) -> None:
    """Fills an area (h, w, 3) with the stripes that stand for a hidden part, in place."""
    y, x = np.mgrid[: area.shape[0], : area.shape[1]]
    area[:] = np.where(
        ((x + y) % _STRIPE < _STRIPE // 2)[..., None], np.array(_WHITE, np.uint8), np.array(color, np.uint8)
    )


def _dimmed(view: View) -> ImageArray:
    grey = cv2.cvtColor(view.image, cv2.COLOR_RGB2GRAY)
    return np.asarray(np.repeat((_DIM * grey)[..., None], 3, axis=2), np.uint8)


def _no(side: Side) -> str:
    return f"no {side.value} hand"


def _moved(mask: BoolArray, view: View) -> BoolArray:
    """Returns a mask of the crop in a panel."""
    drawn = cv2.warpAffine(mask.astype(np.uint8) * 255, view.affine, view.size, flags=cv2.INTER_LINEAR)
    return np.asarray(drawn, np.uint8) > 127


def _whole_mask(view: View, side: Side, hand: ShownHand | None, row: Row) -> ImageArray:
    if hand is None or (hand.whole is not None and not hand.whole.any()):
        return nothing(view, _no(side))
    if hand.whole is None:
        return nothing(view, row.unknown)
    out = _dimmed(view)
    area = _moved(hand.whole, view)
    _tint(out, area, TINTS[side])
    if hand.seen is not None:
        hidden = area & ~_moved(hand.seen, view)
        stripes = np.empty_like(out)
        hatch(stripes, TINTS[side])
        out[hidden] = stripes[hidden]
    return _outlined(out, area)


def _seen_mask(view: View, side: Side, hand: ShownHand | None, row: Row) -> ImageArray:
    if hand is None or (hand.whole is not None and not hand.whole.any()):
        return nothing(view, _no(side))
    if hand.seen is None:
        return nothing(view, row.unknown)
    if not hand.seen.any():
        return nothing(view, "all of it is hidden")
    out, area = _dimmed(view), _moved(hand.seen, view)
    _tint(out, area, TINTS[side])
    return _outlined(out, area)


def _tint(out: ImageArray, area: BoolArray, color: Color) -> None:
    out[area] = np.round((1 - _TINT) * out[area] + _TINT * np.array(color)).astype(np.uint8)


def _outlined(out: ImageArray, area: BoolArray) -> ImageArray:
    edges, _ = cv2.findContours(area.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(out, edges, -1, _WHITE, 1, cv2.LINE_AA)
    return out


def _picture(strip: Strip, view: View, side: Side, hand: ShownHand | None, row: Row) -> ImageArray:
    if hand is None:
        return nothing(view, _no(side))
    return nothing(view, row.unknown) if hand.picture is None else cut(hand.picture, strip).image


def _poses(view: View, row: Row) -> ImageArray:
    known = [
        (side, hand.pixels)
        for side, hand in row.hands.items()
        if hand.pixels is not None and np.isfinite(hand.pixels).any()
    ]
    if not known:
        return nothing(view, row.unknown if row.hands else "no hand")
    out = view.image.copy()
    for side, pixels in known:
        marks.skeleton(out, view.moved(pixels), side)
    return out
