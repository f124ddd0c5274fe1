"""Makes batches as arrays, in this process or a worker: the same bytes wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.errors import BadSampleError
from handbench.inputs import Inputs
from handbench.loaders.augment import Augment, Draws, draw
from handbench.loaders.batch_items import NO_SIDE, Items
from handbench.loaders.batch_labels import (
    SIDES,
    LabelRows,
    RestWrists,
    complete,
    hide_joints,
    move,
    rest_wrist,
)
from handbench.loaders.batch_pictures import Picture
from handbench.loaders.batch_render import Canvas, render_item
from handbench.loaders.batch_sources import Origins, Source
from handbench.loaders.crop import Warp, chained, inverse, make_warp, move_box, snapped, square_side
from handbench.loaders.crop import union_box as about_all
from handbench.seeding import rng_for

_TRIES = 100

Bad: TypeAlias = tuple[int, str, str]
"""Row of the batch, key, what is wrong."""
Faults: TypeAlias = dict[int, BadSampleError]
OnBad: TypeAlias = Literal["replace", "skip", "error"]


@dataclass(slots=True)
class Frame:
    """One frame of B items.

    Attributes:
        index: (B,) samples.
        rows: labels of the pictures as they are.
        pictures: None where the sample is bad.
        origins: where the pictures come from.
        affine: (B, 2, 3) pixel of the original picture to shown pixel.
        warp: from the picture at hand to what is shown.
        real: (B,) False where another frame stands for one that does not exist.
    """

    index: npt.NDArray[np.int64]
    rows: LabelRows
    pictures: list[Picture | None]
    origins: Origins
    affine: FloatArray
    warp: Warp
    real: BoolArray


@dataclass(slots=True)
class Made:
    """A batch before it becomes tensors.

    Attributes:
        items: (B,) which items.
        keys: (B,) of their samples.
        sides: (B,) the side shown, -1 for none.
        flips: (B,) whether the picture is mirrored.
        canvas: pictures and masks.
        affine: (B, T, 2, 3) original pixel to shown pixel.
        real: (B, T) False where an earlier frame does not exist and a later one stands for it.
        labels: of each supervised frame, the current one first.
        bad: samples that could not be used.
    """

    items: npt.NDArray[np.int64]
    keys: npt.NDArray[np.object_]
    sides: npt.NDArray[np.int8]
    flips: BoolArray
    canvas: Canvas
    affine: FloatArray
    real: BoolArray
    labels: list[LabelRows]
    bad: list[Bad]

    def arrays(self) -> list[npt.NDArray[Any]]:
        """Returns everything that has a row an item."""
        found: list[npt.NDArray[Any] | None] = [
            self.items, self.keys, self.sides, self.flips, self.affine, self.real,
            self.canvas.images, self.canvas.targets, self.canvas.bits,
        ]  # fmt: skip
        for rows in self.labels:
            found += [getattr(rows, field.name) for field in fields(rows)]
        return [array for array in found if array is not None]

    def keep(self, rows: npt.NDArray[np.int64]) -> None:
        """Drops all rows but some; pictures stay where they lie."""
        self.items, self.keys, self.sides = self.items[rows], self.keys[rows], self.sides[rows]
        self.flips, self.affine, self.real = self.flips[rows], self.affine[rows], self.real[rows]
        self.labels = [labels.take(rows) for labels in self.labels]
        canvas = self.canvas
        canvas.images[: len(rows)] = canvas.images[rows]
        canvas.images = canvas.images[: len(rows)]
        canvas.targets = None if canvas.targets is None else canvas.targets[rows]
        canvas.bits = None if canvas.bits is None else canvas.bits[rows]


@dataclass(frozen=True)
class BatchMaker:
    """Turns item numbers into batches; picklable.

    Attributes:
        source: of pictures and labels.
        items: all items.
        inputs: what the model declares.
        augment: the augmentation.
        seed: of the run.
        on_bad: ``replace`` a bad sample by another one, ``skip`` it, or raise the ``error``.
        vertices: whether labels have vertices.
        wrists: rest wrists of the hand model that parameters are of; None takes the annotated joints.
    """

    source: Source
    items: Items
    inputs: Inputs
    augment: Augment
    seed: int
    on_bad: OnBad = "skip"
    vertices: bool = False
    wrists: RestWrists | None = None

    def make(self, epoch: int, chosen: Sequence[int], out: ImageArray | None = None) -> Made:
        """Makes one batch.

        Args:
            epoch: of the run.
            chosen: item numbers.
            out: (>= B, T, h, w, 3) uint8 that pictures are written to, or None for fresh memory.

        Raises:
            BadSampleError: for a bad sample, with ``on_bad='error'``.
        """
        made = self._make(epoch, np.asarray(chosen, np.int64), out)
        if made.bad and self.on_bad == "error":
            raise BadSampleError(made.bad[0][2])
        if made.bad and self.on_bad == "replace":
            for row, *_ in list(made.bad):
                self._replace(made, epoch, row)
        elif made.bad:
            made.keep(np.setdiff1d(np.arange(len(chosen)), [row for row, *_ in made.bad]))
        return made

    def _replace(self, made: Made, epoch: int, row: int) -> None:
        """Puts another item in the place of a bad one; which one depends on (seed, epoch, item) alone."""
        item = int(made.items[row])
        rng = rng_for(self.seed, "replace", epoch, str(made.keys[row]), int(self.items.side[item]))
        for _ in range(_TRIES):
            other = self._make(epoch, rng.integers(len(self.items), size=1), None)
            if not other.bad:
                for mine, theirs in zip(made.arrays(), other.arrays(), strict=True):
                    mine[row] = theirs[0]
                return
            made.bad.extend((row, key, what) for _, key, what in other.bad)
        raise BadSampleError(made.bad[-1][2], f"{_TRIES} samples in a row are bad")

    def _make(self, epoch: int, chosen: npt.NDArray[np.int64], out: ImageArray | None) -> Made:
        faults: Faults = {}
        index, sides = self.items.index[chosen], self.items.side[chosen].copy()
        keys = [self.source.key(int(i)) for i in index]
        words = ["" if s == NO_SIDE else SIDES[s].value for s in sides]
        draws = draw(self.augment, self.seed, epoch, list(zip(keys, words, strict=True)))
        frames = [self._frame(index, sides, draws, None, faults)]
        for _ in range(1, self.inputs.frames):
            before = self._before(frames[-1])
            frames.append(self._frame(before[0], sides, draws, frames[0], faults))
            frames[-1].real = before[1]
        labels = [
            self._labels(frame) for frame in frames[: len(frames) if self.inputs.supervise == "all" else 1]
        ]
        canvas = Canvas.blank(len(chosen), self.inputs, out)
        self._render(canvas, frames, sides, draws, labels, faults)
        flips = frames[0].warp.flip
        shown = np.where(flips & (sides != NO_SIDE), 1 - sides, sides).astype(np.int8)
        bad = [(row, keys[row], str(error)) for row, error in sorted(faults.items())]
        return Made(
            chosen.copy(), np.array(keys, dtype=object), shown, flips, canvas,
            np.stack([frame.affine for frame in frames], axis=1),
            np.stack([frame.real for frame in frames], axis=1), labels, bad,
        )  # fmt: skip

    def _before(self, frame: Frame) -> tuple[npt.NDArray[np.int64], BoolArray]:
        """Returns the samples one gap earlier (the same one where there is none), and where there is one."""
        found = [self.source.previous(int(i), self.inputs.gap) for i in frame.index]
        real = np.array([at is not None for at in found]) & frame.real
        index = [int(i) if at is None else at for i, at in zip(frame.index, found, strict=True)]
        return np.array(index, np.int64), real

    def _frame(
        self,
        index: npt.NDArray[np.int64],
        sides: npt.NDArray[np.int8],
        draws: Draws,
        first: Frame | None,
        faults: Faults,
    ) -> Frame:
        """Reads the labels of B samples and decides how their pictures are shown."""
        rows = LabelRows.empty(len(index), self.vertices)
        origins = Origins(np.tile(np.eye(2, 3), (len(index), 1, 1)), np.ones((len(index), 2)))
        pictures: list[Picture | None] = []
        for i, at in enumerate(index.tolist()):
            try:
                pictures.append(self.source.fill(rows, origins, i, at))
            except BadSampleError as error:
                pictures.append(None)
                faults.setdefault(i, error)
        complete(rows)
        if first is not None and self.inputs.prev_crop == "same":
            affine, turn, flip = first.affine, first.warp.turn, first.warp.flip
        else:
            if first is None:
                self._name_targets(sides, pictures)
            affine, turn, flip = self._aim(index, rows, origins, sides, draws, faults)
        direct = snapped(chained(affine, inverse(origins.affine)))
        warp = Warp(direct, turn, flip)
        return Frame(index, rows, pictures, origins, affine, warp, np.ones(len(index), np.bool_))

    def _name_targets(self, sides: npt.NDArray[np.int8], pictures: list[Picture | None]) -> None:
        """Gives items about no one hand the side that their picture was made about, where one was."""
        for i, picture in enumerate(pictures):
            if sides[i] == NO_SIDE and self.inputs.crop == "full" and picture is not None:
                sides[i] = NO_SIDE if picture.target is None else SIDES.index(picture.target)

    def _aim(
        self,
        index: npt.NDArray[np.int64],
        rows: LabelRows,
        origins: Origins,
        sides: npt.NDArray[np.int8],
        draws: Draws,
        faults: Faults,
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Returns the affine from original to shown pixel, the turn and the flip of each item."""
        mirror = (sides == 1) & self.inputs.mirror_left
        if self.inputs.crop == "full":
            sizes = np.where(np.isfinite(rows.size), rows.size, 1.0)
            warp = make_warp(
                *square_side(self.inputs, rows.box[:, 0], sizes), self.inputs.size, draws, mirror
            )
            return chained(warp.affine, origins.affine), warp.turn, warp.flip
        if self.inputs.crop == "pair":
            wanted = np.array([self.inputs.sides != "left", self.inputs.sides != "right"])
            boxes = about_all(np.where(wanted[:, None], rows.box, np.nan))
        else:
            boxes = rows.box[np.arange(len(sides)), sides]
        for i in np.flatnonzero(~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] <= 0).any(axis=1)).tolist():
            faults.setdefault(i, BadSampleError(f"{self.source.key(int(index[i]))}: no hand to crop about"))
            boxes[i] = (0.0, 0.0, 1.0, 1.0)
        boxes = move_box(boxes, inverse(origins.affine))
        centre, width = square_side(self.inputs, boxes, origins.size)
        warp = make_warp(centre, width, self.inputs.size, draws, mirror)
        return warp.affine, warp.turn, warp.flip

    def _labels(self, frame: Frame) -> LabelRows:
        return move(frame.rows, frame.warp, self.inputs.size, rest_wrist(frame.rows, self.wrists))

    def _render(
        self,
        canvas: Canvas,
        frames: list[Frame],
        sides: npt.NDArray[np.int8],
        draws: Draws,
        labels: list[LabelRows],
        faults: Faults,
    ) -> None:
        for i in range(len(sides)):
            pictures = [frame.pictures[i] for frame in frames]
            if i in faults or None in pictures:
                continue
            side = SIDES[max(int(sides[i]), 0)]
            try:
                covered = render_item(
                    canvas, i, [p for p in pictures if p], [frame.warp.affine[i] for frame in frames],
                    side, self.inputs, self.augment, draws.row(i),
                )  # fmt: skip
            except BadSampleError as error:
                faults[i] = error
                continue
            if covered is not None:
                for rows in labels:
                    hide_joints(rows, i, covered)
