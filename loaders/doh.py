"""100DOH: frames of people using their hands, with hand boxes, sides, contact and objects; no 3D.

For qualitative comparison: joints are NaN, and the camera is nominal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.datasets import Coverage, Dataset, Finding, Loader
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.doh import CONTACT_LETTERS, CONTACTS, find_voc
from handbench.formats.images import ImageFile
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.loaders.doh_index import build_columns, index_stamp, pictures_on_disk
from handbench.store.columns import Columns, cached_columns
from handbench.types import HandAnnotation, Sample, Side

NOMINAL_FOCAL = 1.2
"""Focal length in longer picture sides: about 45 degrees of view; nothing is known of these cameras."""

_SIDES = (Side.RIGHT, Side.LEFT)


@dataclass(frozen=True)
class DohOptions:
    """Keys of ``100doh:DIR@...``; DIR holds ``VOCdevkit2007_handobj_100K``, or is its ``VOC2007``.

    Attributes:
        split: ``train``, ``val``, ``test`` or ``trainval``; by default the first that is there.
        unit: ``image``: one sample a picture, with the largest right and the largest left hand (all are in
            ``meta["all_hands"]``); ``hand``: one sample a hand whose side is known.
        contact: letters of the contacts to keep (N none, S self, O other person, P portable object, F
            stationary object); empty keeps all.
    """

    split: Literal["train", "val", "test", "trainval"] = "train"
    unit: Literal["image", "hand"] = "image"
    contact: str = ""


class DohDataset(Dataset):
    """The pictures, or the hands, of one split.

    Args:
        root: at or above ``VOC2007``.
        options: what to take.

    Raises:
        HandbenchError: when the tree or the list is not there.
    """

    name = "100doh"

    def __init__(self, root: Path, options: DohOptions) -> None:
        self.root, self.options, self.split = find_voc(root), options, options.split
        wrong = set(options.contact) - set(CONTACT_LETTERS)
        if wrong:
            raise HandbenchError(
                f"contact={options.contact}: no contact {''.join(sorted(wrong))}", "write N, S, O, P, F"
            )
        self._load()
        self.fingerprint = self._columns["fingerprint"].tobytes().decode()

    def _load(self) -> None:
        build = partial(build_columns, self.root, self.split)
        self._columns: Columns = cached_columns("100doh", index_stamp(self.root, self.split), build)
        c = self._columns
        there = pictures_on_disk(self.root, c["name"])
        self.coverage = _coverage(c, there)
        wanted = np.ones(len(c["hand_image"]), dtype=np.bool_)
        if self.options.contact:
            wanted = np.isin(c["hand_contact"], [CONTACT_LETTERS.index(k) for k in self.options.contact])
        if self.options.unit == "hand":
            wanted &= there[c["hand_image"]] & (c["hand_side"] >= 0)
            self._hands = [[i] for i in np.flatnonzero(wanted).tolist()]
            self._images = c["hand_image"][np.flatnonzero(wanted)].tolist()
        else:
            kept = np.zeros(len(there), dtype=np.bool_)
            kept[c["hand_image"][wanted]] = True
            self._images = np.flatnonzero(there & (kept if self.options.contact else True)).tolist()
            self._hands = [self._largest(image) for image in self._images]
        self._keys = [self._key(i, hands) for i, hands in zip(self._images, self._hands, strict=True)]
        if not self._images:
            raise HandbenchError(f"{self.root}: no picture of {self.split} is there", "JPEGImages/<name>.jpg")

    def _of(self, image: int) -> range:
        first, last = np.searchsorted(self._columns["hand_image"], [image, image + 1])
        return range(int(first), int(last))

    def _largest(self, image: int) -> list[int]:
        c, found = self._columns, []
        for code in (0, 1):
            own = [i for i in self._of(image) if c["hand_side"][i] == code]
            if own:
                found.append(max(own, key=lambda i: float(c["hand_box"][i, 2:].prod())))
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in ("root", "options", "split", "fingerprint")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._load()

    @property
    def keys(self) -> Sequence[str]:
        """``100doh/<split>/<picture>``; with ``unit=hand`` ``.../<picture>.<number of the hand in it>``."""
        return self._keys

    def _key(self, image: int, hands: list[int]) -> str:
        number = f".{hands[0] - self._of(image).start}" if self.options.unit == "hand" else ""
        return f"100doh/{self.split}/{self._columns['name'][image]}{number}"

    def __len__(self) -> int:
        return len(self._images)

    def read(self, index: int) -> Sample:
        """Returns sample ``index``; ``meta["all_hands"]`` lists every hand of the picture, also a third.

        Raises:
            BadSampleError: when the picture's annotation did not parse.
        """
        c, image = self._columns, self._images[index]
        if c["error"][image]:
            raise BadSampleError(str(c["error"][image]))
        name = str(c["name"][image])
        size = (int(c["size"][image, 0]), int(c["size"][image, 1]))
        boxes = c["object_box"][c["object_box"][:, 0] == image, 1:]
        own = self._hands[index]
        meta = {
            "recording": _video(name), "camera": "0", "frame": _frame(name), "camera_known": False,
            "all_hands": [self._describe(i) for i in self._of(image)],
            "object_boxes": [box.tolist() for box in boxes],
            "contact": {_SIDES[c["hand_side"][i]].value: _contact(c["hand_contact"][i]) for i in own},
        }  # fmt: skip
        hands = tuple(_annotation(_SIDES[c["hand_side"][i]], c["hand_box"][i]) for i in own)
        path = self.root / "JPEGImages" / f"{name}.jpg"
        return Sample(
            self._keys[index], ImageFile(path, size), Camera(_nominal(size), size), hands, meta=meta
        )

    def _describe(self, i: int) -> dict[str, Any]:
        c = self._columns
        side, touched, ray = int(c["hand_side"][i]), c["hand_object"][i], c["hand_direction"][i]
        return {
            "box": c["hand_box"][i].tolist(),
            "side": _SIDES[side].value if side >= 0 else None,
            "contact": _contact(c["hand_contact"][i]),
            "object_box": touched.tolist() if np.isfinite(touched).all() else None,
            "direction": ray.tolist() if np.isfinite(ray).all() else None,
            "truncated": bool(c["hand_truncated"][i]),
            "difficult": bool(c["hand_difficult"][i]),
        }

    def ground_truth(self) -> GroundTruth:
        """Returns boxes of both sides; no joint is valid. ``subsets`` has one of each contact."""
        c, n = self._columns, len(self._images)
        boxes = {side: np.full((n, 4), np.nan) for side in _SIDES}
        subsets = {name: np.zeros(n, dtype=np.bool_) for name in CONTACTS}
        for row, hands in enumerate(self._hands):
            for i in hands:
                boxes[_SIDES[c["hand_side"][i]]][row] = c["hand_box"][i]
                if c["hand_contact"][i] >= 0:
                    subsets[CONTACTS[c["hand_contact"][i]]][row] = True
        names = [str(c["name"][image]) for image in self._images]
        sizes = [(int(w), int(h)) for w, h in c["size"][self._images]]
        nothing, invalid = np.full((n, 21, 3), np.nan), np.zeros((n, 21), dtype=np.bool_)
        return GroundTruth(
            self.name,
            self.split,
            self.keys,
            [_video(name) for name in names],
            np.array([_nominal(size) for size in sizes]),
            {side: HandTruth(nothing, invalid, box=boxes[side]) for side in _SIDES},
            subsets=subsets,
            fingerprint=self.fingerprint,
            partial=self.coverage.partial,
        )

    def audit(self) -> Iterator[Finding]:
        """Names annotations that do not parse, missing pictures, boxes outside, sides that are not stated."""
        c = self._columns
        for image in np.flatnonzero(c["error"] != ""):
            yield Finding("fault", str(c["name"][image]), str(c["error"][image]), "copy it again")
        for image in np.flatnonzero(~pictures_on_disk(self.root, c["name"])):
            yield Finding("missing", f"JPEGImages/{c['name'][image]}.jpg", "the picture is not there", "")
        corners = c["hand_box"].copy()
        corners[:, 2:] += corners[:, :2]
        sizes = c["size"][c["hand_image"]]
        # One pixel of grace: some boxes count to the width, others to width - 1.
        outside = (corners[:, :2] < -2).any(axis=1) | (corners[:, 2:] > sizes + 1).any(axis=1)
        for i in np.flatnonzero(outside):
            name = str(c["name"][c["hand_image"][i]])
            yield Finding("fault", name, f"a hand's box leaves the picture: {c['hand_box'][i].tolist()}", "")
        unknown = int((c["hand_side"] < 0).sum())
        if unknown:
            yield Finding("note", self.split, f"{unknown} hands have no side", "they are in meta only")


def _coverage(c: Columns, there: npt.NDArray[np.bool_]) -> Coverage:
    lines = []
    if not there.all():
        lines.append(f"{int((~there).sum())} of {len(there)} pictures are missing in JPEGImages")
    broken = int((c["error"] != "").sum())
    if broken:
        lines.append(f"{broken} annotations do not parse: reading one of these samples says why")
    return Coverage(int(there.sum()), len(there), tuple(lines))


def _annotation(side: Side, box: FloatArray) -> HandAnnotation:
    nothing, invalid = np.full((21, 3), np.nan), np.zeros(21, dtype=np.bool_)
    return HandAnnotation(side, nothing, invalid, box=np.array(box))


def _contact(code: int) -> str | None:
    return CONTACTS[code] if code >= 0 else None


def _nominal(size: tuple[int, int]) -> FloatArray:
    focal = NOMINAL_FOCAL * max(*size, 1)
    return np.array([[focal, 0.0, (size[0] - 1) / 2], [0.0, focal, (size[1] - 1) / 2], [0.0, 0.0, 1.0]])


def _video(name: str) -> str:
    """Returns the video that a frame is from: ``boardgame_v_abc_frame000123`` without the frame."""
    return name.rpartition("_frame")[0] or name


def _frame(name: str) -> int:
    number = name.rpartition("_frame")[2]
    return int(number) if number.isdecimal() else 0


def _splits(root: Path) -> list[str]:
    lists = find_voc(root) / "ImageSets" / "Main"
    return [split for split in ("train", "val", "test", "trainval") if (lists / f"{split}.txt").is_file()]


LOADER = Loader(
    DohOptions,
    DohDataset,
    "handbench.loaders:howto/100doh.md",
    "internet frames with hand boxes, sides, contact and objects; no 3D (Shan et al., CVPR 2020)",
    _splits,
)
