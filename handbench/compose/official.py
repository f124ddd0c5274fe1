"""A pasted sample as the authors' recipe says it: two crops of 256 x 256 pixels, and how each is moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import cos, pi, sin
from typing import Any

import numpy as np

from handbench.compose.annotation import annotate
from handbench.compose.composer import compose_masks
from handbench.compose.cutout import NOMINAL, Cutout
from handbench.compose.paste import ALONE, Paste
from handbench.compose.pictures import encode_jpeg
from handbench.formats.aih_plain_recipes import Move, PasteRecipe
from handbench.formats.aih_plain_write import Crop
from handbench.types import Side

QUALITY = 95
"""Of the crops' JPEGs, as of the cut-outs'. The rim is two blocks of JPEG wide: a crop keeps the grid."""

_STILL = Move((0.0, 0.0), 1.0, 0.0)
_BOX = NOMINAL - 1.0
_CENTRE = 0.5 * NOMINAL  # where the official warp puts the middle of a crop, which is at 127.5


def unsayable(paste: Paste) -> str:
    """Returns why a row cannot be said in the official form; empty where it can."""
    if paste.alone:
        return "the target alone"
    return "the target in front" if paste.target_front else ""


def official_move(move: Move, gain: tuple[float, float, float], mirrored: bool) -> Move:
    """Returns the move with which the official reader shows what a row's move shows at 256 x 256 pixels.

    The official warp counts shift and size in a box of 255 px and puts its middle half a pixel beside the
    picture's; what it shows is made equal here, so its numbers differ from the row's by up to a hundredth.

    Args:
        move: of a row.
        gain: of both hands' colours.
        mirrored: whether the target is a left hand: then the official reader mirrors both crops first.
    """
    (right, down), degrees = move.shift, move.degrees
    if mirrored:
        right, degrees = -right, -degrees
    angle = pi * degrees / 180
    c, s = move.scale * cos(angle), move.scale * sin(angle)
    # (c, -s; s, c) leads from the picture's pixels to the crop's; by half a pixel it is off.
    shift = (NOMINAL * right + 0.5 * (c - s)) / _BOX, (NOMINAL * down + 0.5 * (s + c)) / _BOX
    return Move(shift, move.scale * _CENTRE / (0.5 * _BOX), degrees, gain)


def official_recipe(paste: Paste, target: Side, rows: tuple[int, int], share: float) -> PasteRecipe:
    """Returns a row as an official recipe.

    Args:
        paste: a row with another hand, in front.
        target: side of its target.
        rows: places of the target's and of the other hand's crop in the filtered lists of their sides.
        share: of the other hand that lies over the target.
    """
    mirrored, gain = target is Side.LEFT, paste.effects.gain
    moves = [official_move(move, gain, mirrored) for move in (paste.target_move, paste.other_move)]
    return PasteRecipe(target, rows[0], rows[1], moves[0], moves[1], share)


def official_crop(cutout: Cutout, paste: Paste, source: Mapping[str, Any]) -> Crop:
    """Returns a cut-out as an official crop: its nominal square, without the rim.

    Args:
        cutout: the hand.
        paste: any row of the dataset; only what is common to all of them is used.
        source: where the hand is from, as records say it.
    """
    inner = slice(cutout.margin, cutout.margin + NOMINAL)
    picture = np.ascontiguousarray(cutout.picture()[inner, inner, :3])
    alone = replace(
        paste, target=cutout.id, other=ALONE, target_move=_STILL, other_move=_STILL, size=NOMINAL,
        mask="threshold",
    )  # fmt: skip
    masks = compose_masks(alone, cutout, None)
    side = cutout.side.value
    fields = {
        "scene_id": cutout.id,
        "part": "syn",
        "kind": side,
        "target_side": side,
        "size": [NOMINAL, NOMINAL],
        "hands": annotate(alone, cutout, None, masks)[0],
        "hand_model": cutout.fields["hand_model"],
        "occlusion": 0.0,
        "depth_order": "apart",
        "source": {"target": dict(source), "other": None},
    }
    amodal = cutout.mask[inner, inner].view(np.bool_)
    return Crop(cutout.id, encode_jpeg(picture, QUALITY), np.ascontiguousarray(amodal), fields)
