"""Frames of a dataset as backgrounds: the studio, the person's body and lamps, without the hands."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from typing import Any

import numpy as np

from handbench.arrays import FloatArray, ImageArray, IndexArray
from handbench.config import content_hash, to_dict
from handbench.datasets import DataRef
from handbench.errors import BadSampleError, HandbenchError
from handbench.moments import Moments
from handbench.synth.backgrounds import CACHED_PHOTOS, BackgroundSettings, cropped
from handbench.synth.hand_eraser import FEWEST_JOINTS, erase_hands
from handbench.synth.persons import Mine, choose_persons

VERSION = "background-frames/1"

BLACK = 2.0
"""A picture whose mean is darker than this, of 255, shows nothing: some of InterHand2.6M do not."""

TRIES = 64
"""How many frames are looked at until one can be used."""


class FrameBackgrounds:
    """Draws crops of a dataset's frames whose hands are made to vanish.

    Grey pictures are used only where none of the frames that are looked at has colours: the hands before them
    have some.

    Args:
        spec: ``interhand:DIR[@key=value,...]`` with the loader's keys.
        settings: how crops are drawn; ``families``, ``pictures`` and ``side`` do not matter.
        mine: whose frames may be drawn; everybody's by default.

    Attributes:
        persons: the number of frames of each person that is drawn.

    Raises:
        HandbenchError: what the loader raises, for an unknown person, or where no frame has known hands.
    """

    name = "interhand"
    families = ("interhand",)

    def __init__(self, spec: str, settings: BackgroundSettings, mine: Mine | None = None) -> None:
        self.spec, self.settings = spec, settings
        self.dataset = DataRef.parse(spec).open()
        moments = self.dataset.moments()
        rows = np.empty(0, dtype=np.int64) if moments is None else frames_with_known_hands(moments)
        if moments is None or not len(rows):
            raise HandbenchError(f"{spec}: no frame whose hands are annotated", "use another split")
        chosen, self.persons = choose_persons([moments.person[i] for i in moments.of[rows]], mine)
        self._rows = rows[chosen]
        self._hop = _hop(len(self._rows))
        self.fingerprint = self._hash(mine is None)
        self._cache: OrderedDict[int, ImageArray | None] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": OrderedDict()}

    def draw(
        self, rng: np.random.Generator, size: tuple[int, int], gain: FloatArray | None = None
    ) -> tuple[str, ImageArray]:
        """Returns ``interhand`` and a crop of a frame; raises where none of many frames can be used."""
        picture = self._usable(int(rng.integers(len(self._rows))))
        return "interhand", cropped(rng, picture, size, self.settings, gain)

    def _usable(self, first: int) -> ImageArray:
        """Returns the first of some frames that can be used, the same ones in every process."""
        count = len(self._rows)
        places = [(first + k * self._hop) % count for k in range(min(count, TRIES))]
        for grey in (False, True):
            for place in places:
                picture = self._frame(int(self._rows[place]), grey)
                if picture is not None:
                    return picture
        raise HandbenchError(
            f"{self.spec}: none of {len(places)} pictures can be used as a background: they are missing, "
            "black, damaged or filled by the hands",
            "handbench data verify names them",
        )

    def _frame(self, row: int, grey: bool) -> ImageArray | None:
        """Returns a frame without hands; None where it cannot be used, or is grey or not against the wish."""
        try:
            sample = self.dataset.read(row)
            if bool(sample.meta.get("grey", False)) != grey:
                return None
            if row not in self._cache:
                image = sample.image.read()
                lit = image.mean() >= BLACK
                self._keep(row, erase_hands(image, sample.camera, sample.hands) if lit else None)
        except BadSampleError:
            self._keep(row, None)
        self._cache.move_to_end(row)
        return self._cache[row]

    def _keep(self, row: int, picture: ImageArray | None) -> None:
        if len(self._cache) >= CACHED_PHOTOS:
            self._cache.popitem(last=False)
        self._cache[row] = picture

    def _hash(self, all_people: bool) -> str:
        keys, data = self.dataset.keys, self.dataset
        names = hashlib.blake2b("\n".join(keys[i] for i in self._rows.tolist()).encode(), digest_size=8)
        who = None if all_people else sorted(self.persons)
        return content_hash(
            [VERSION, data.name, data.split, data.fingerprint, names.hexdigest(), who, to_dict(self.settings)]
        )


def frames_with_known_hands(moments: Moments) -> IndexArray:
    """Returns the samples of which every hand that they show has enough joints to be covered."""
    rows = np.flatnonzero(moments.of >= 0)
    counts = moments.valid[moments.of[rows]].sum(axis=2)
    shown = moments.shown[rows]
    wanted = np.stack([shown != 1, shown != 0], axis=1)
    enough = (~wanted | (counts >= FEWEST_JOINTS)).all(axis=1)
    return np.asarray(rows[enough], dtype=np.int64)


def _hop(count: int) -> int:
    """Returns a step that reaches all of `count` places, far apart from each other at first."""
    hop = max(1, round(0.618 * count))
    while math.gcd(hop, count) > 1:
        hop += 1
    return hop
