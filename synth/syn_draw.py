"""Draws the rows of the recipe table: pairs of cut-outs, their moves, and what is done to both."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from handbench.arrays import FloatArray
from handbench.compose import ALONE, Cutout, Masks, Paste, compose_masks
from handbench.compose.cutout import NOMINAL
from handbench.compose.effects import Effects, draw_effects
from handbench.compose.kernels import count_overlap
from handbench.errors import HandbenchError
from handbench.formats.aih_plain_recipes import Move
from handbench.synth.cutout_index import CutoutIndex
from handbench.synth.syn_kernels import first_near
from handbench.synth.syn_recipe import MoveSettings, SynRecipe
from handbench.types import Side

_STILL = Move((0.0, 0.0), 1.0, 0.0)
_LIGHTEST, _DARKEST = 1.6, 0.6
_PATIENCE = 8  # pairs that are tried for one range of overlaps, before another is drawn
_SHARPEST = 0.45  # a difference of blur below this is not seen [px]
_MOST_BLUR = 1.6
_CLEANEST = 0.8  # a difference of noise below this is not seen [grey levels]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row of the table, the cut-outs it names, and how it was found.

    Attributes:
        paste: the row.
        target: the target's cut-out.
        other: the other hand's, or None.
        masks: as composed.
        tries: moves that were drawn until one was accepted.
        bounds: of the overlap that was asked for; None for a target alone.
    """

    paste: Paste
    target: Cutout
    other: Cutout | None
    masks: Masks
    tries: int
    bounds: tuple[float, float] | None


class PairDrawer:
    """Draws rows from the good cut-outs of one split.

    Args:
        recipe: keys.
        index: the cut-outs.
        read: opens one by its id.
    """

    def __init__(self, recipe: SynRecipe, index: CutoutIndex, read: Callable[[int], Cutout]) -> None:
        self.recipe, self.index, self._read = recipe, index, read

    def draw(self, rng: np.random.Generator, side: Side) -> Drawn:
        """Draws a sample about a hand of one side.

        Raises:
            HandbenchError: when no pair gives an overlap within the bounds.
        """
        recipe = self.recipe
        effects = self._effects(rng)
        if rng.random() < recipe.p_alone:
            target = self._read(_choose(rng, self.index.ids[side, None]))
            move = move_of(draw_moves(rng, recipe.move, 1)[0, 0])
            paste = self._row(target, None, move, _STILL, False, effects, rng)
            return Drawn(paste, target, None, compose_masks(paste, target, None), 0, None)
        front = bool(rng.random() < recipe.paste.p_target_front)
        tries, bounds = 0, self._bounds(rng)
        for pair in range(recipe.overlap.pairs):
            ids = self._pair(rng, side)
            if ids is None:
                continue
            if pair and pair % _PATIENCE == 0:
                bounds = self._bounds(rng)
            target, other = self._read(ids[0]), self._read(ids[1])
            moves = draw_moves(rng, recipe.move, recipe.overlap.tries)
            for k in self._near(target, other, moves, bounds):
                move, other_move = move_of(moves[k, 0]), move_of(moves[k, 1])
                paste = self._row(target, other, move, other_move, front, effects, rng)
                masks = compose_masks(paste, target, other)
                if bounds[0] <= self._ratio(masks) < bounds[1]:
                    return Drawn(paste, target, other, masks, tries + k + 1, bounds)
            tries += len(moves)
        if not tries:
            raise HandbenchError(
                f"no {side.other.value} hand is from a camera like the {side.value} ones: colour or grey",
                "set syn.match.grey=false, or give more pictures",
            )
        raise HandbenchError(
            f"no pair of cut-outs overlaps by {recipe.overlap.low:g} to {recipe.overlap.high:g}"
            f" in {tries} tries",
            "widen syn.overlap.low and high, or raise syn.overlap.pairs",
        )

    def _pair(self, rng: np.random.Generator, side: Side) -> tuple[int, int] | None:
        """Draws a target and another hand; None where no other hand fits it."""
        target = _choose(rng, self.index.ids[side, None])
        grey = bool(self.index.columns["grey"][target]) if self.recipe.match.grey else None
        others = self.index.ids[side.other, grey]
        return (target, _choose(rng, others)) if len(others) else None

    def _bounds(self, rng: np.random.Generator) -> tuple[float, float]:
        keys = self.recipe.overlap
        width = (keys.high - keys.low) / keys.bins
        low = keys.low + width * int(rng.integers(keys.bins))
        return low, low + width

    def _near(
        self, target: Cutout, other: Cutout, moves: FloatArray, bounds: tuple[float, float]
    ) -> Iterator[int]:
        """Gives the moves whose overlap may be in range, by a look at few pixels."""
        size, over = self.recipe.size, self.recipe.overlap.over == "target"
        margins = np.array([target.margin, other.margin])
        k = -1
        while True:
            k = first_near(
                target.mask, other.mask, moves, margins, NOMINAL, size, max(size // 42, 1), over,
                *bounds, k + 1,
            )  # fmt: skip
            if k < 0:
                return
            yield k

    def _ratio(self, masks: Masks) -> float:
        first, second, both = count_overlap(masks.target, masks.other)
        whole = first if self.recipe.overlap.over == "target" else second
        return both / whole if whole else 0.0

    def _effects(self, rng: np.random.Generator) -> Effects:
        """Draws what the camera does, the shared colour gain included."""
        effects = draw_effects(rng, self.recipe.effects, self.recipe.size)
        spread = self.recipe.paste.gain
        red, green, blue = (np.array(effects.gain) * rng.uniform(1 - spread, 1 + spread, 3)).tolist()
        return replace(effects, gain=(red, green, blue))

    def _untinted(self, effects: Effects, target: Cutout) -> Effects:
        """Returns effects with one gain for all channels where the target's camera is a grey one."""
        if self.recipe.paste.tint_grey or not target.fields["grey"]:
            return effects
        mean = sum(effects.gain) / 3
        return replace(effects, gain=(mean, mean, mean))

    def _row(
        self, target: Cutout, other: Cutout | None, move: Move, other_move: Move, front: bool,
        effects: Effects, rng: np.random.Generator,
    ) -> Paste:  # fmt: skip
        recipe = self.recipe
        light, blur, noise = self._matched(target, other, move, other_move)
        return Paste(
            target=target.id,
            other=ALONE if other is None else other.id,
            target_move=move,
            other_move=other_move,
            target_front=front,
            arm=other is not None and other.arm is not None and bool(rng.random() < recipe.paste.p_arm),
            size=recipe.size,
            mode=recipe.paste.mode,
            mask=recipe.paste.mask,
            light=light,
            blur=blur,
            noise=noise,
            shadow=round(float(rng.uniform(0.0, recipe.paste.shadow)), 3),
            effects=self._untinted(effects, target),
        )

    def _matched(
        self, target: Cutout, other: Cutout | None, move: Move, other_move: Move
    ) -> tuple[tuple[float, float, float], tuple[float, float], tuple[float, float]]:
        """Returns the other hand's light, and blur and noise that each of the two lacks."""
        keys, columns = self.recipe.match, self.index.columns
        if other is None:
            return (1.0, 1.0, 1.0), (0.0, 0.0), (0.0, 0.0)
        rows = [target.id, other.id]
        mine, theirs = columns["light"][rows].astype(np.float64) + 1.0
        red, green, blue = np.clip((mine / theirs) ** keys.light, _DARKEST, _LIGHTEST).tolist()
        # Blur shrinks with the picture that it is in.
        first, second = columns["blur"][rows].astype(np.float64).tolist()
        sharp = first / move.scale, second / other_move.scale
        grain, other_grain = columns["noise"][rows].astype(np.float64).tolist()
        blur = _lack(*sharp, most=_MOST_BLUR, least=_SHARPEST) if keys.blur else (0.0, 0.0)
        noise = _lack(grain, other_grain, most=12.0, least=_CLEANEST) if keys.noise else (0.0, 0.0)
        # The other hand is blurred before it is moved: in its cut-out's own pixels.
        return (red, green, blue), (blur[0], blur[1] * other_move.scale), noise


def _lack(mine: float, theirs: float, most: float, least: float) -> tuple[float, float]:
    """Returns the deviations that bring two to the greater of both: one of them is 0."""
    missing = min(float(np.sqrt(abs(mine**2 - theirs**2))), most)
    if missing < least:
        return 0.0, 0.0
    return (missing, 0.0) if mine < theirs else (0.0, missing)


def draw_moves(rng: np.random.Generator, keys: MoveSettings, count: int) -> FloatArray:
    """Draws how both cut-outs are moved, (count, 2, 4): shift x, shift y, scale, angle [rad]; target first.

    The law of utils/data_utils.py, one for both hands but for the other's shift.
    """
    even, normal = rng.random((count, 2, 3)), rng.standard_normal((count, 2, 2))
    moves = np.empty((count, 2, 4))
    moves[..., :2] = keys.shift * (2.0 * even[..., :2] - 1.0)
    moves[:, 1, :2] *= keys.other_shift
    moves[..., 2] = 1.0 + keys.scale * np.clip(normal[..., 0], -1.0, 1.0)
    turns = np.deg2rad(keys.degrees) * np.clip(normal[..., 1], -2.0, 2.0)
    moves[..., 3] = np.where(even[..., 2] < keys.p_turned, turns, 0.0)
    return moves


def move_of(values: FloatArray) -> Move:
    """Returns one row (4,) of :func:`draw_moves` as a move."""
    right, down, scale, angle = values.tolist()
    return Move((right, down), scale, math.degrees(angle))


def _choose(rng: np.random.Generator, ids: Any) -> int:
    return int(ids[int(rng.integers(len(ids)))])
