"""One's own pictures as a dataset: ``images:DIR@boxes=FILE``, or the frames of a video. No 3D is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import xxhash

from handbench.arrays import ImageArray
from handbench.camera import Camera
from handbench.datasets import Coverage, Dataset, Loader
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.loaders.own_boxes import BoxRow, by_picture, check_box, one_box, parse_side, read_boxes
from handbench.loaders.own_cameras import NOMINAL_FOCAL, intrinsics
from handbench.loaders.own_files import Place, list_pictures, open_photograph, places_of
from handbench.loaders.own_video import VideoFrame, probe_video
from handbench.types import HandAnnotation, Ref, Sample, Side

VERTICES = 778
_EDGE = 1 << 20


@dataclass(frozen=True)
class OwnOptions:
    """Keys of ``images:PATH@...``; PATH is a folder of jpg and png, or a video file.

    Attributes:
        boxes: where the hands are, in pixels: ``x:y:w:h`` or ``full`` for one hand in all pictures, or a
            ``.csv`` or ``.json`` with a row a hand (docs/predict.md).
        side: the hand of a single box, ``right`` or ``left``.
        focal: focal length [px]; 0 takes 1.2 times the longer side of each picture.
        K: ``fx:fy:cx:cy`` [px] in place of it, for pictures of one size.
        video: ``auto``: pictures whose names differ in their last number only are frames of one video;
            ``no``: no picture has an earlier one.
        no_box: ``error`` refuses a picture without a box; ``skip`` keeps it as a picture without hands.
    """

    boxes: str = ""
    side: str = "right"
    focal: float = 0.0
    K: str = ""
    video: Literal["auto", "no"] = "auto"
    no_box: Literal["error", "skip"] = "error"


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """A picture or frame.

    Attributes:
        name: as in keys.
        image: reference to its pixels.
        size: (width, height) [px].
        place: in a video.
    """

    name: str
    image: Ref[ImageArray]
    size: tuple[int, int]
    place: Place


class OwnPictures(Dataset):
    """Pictures with boxes, in natural order; a second hand of the same side is a sample of its own.

    Args:
        root: a folder, or a video file.
        options: boxes, camera.

    Raises:
        HandbenchError: for a folder without pictures, a video or picture that does not open, and boxes that
            cannot be used, naming each.
    """

    name = "images"
    annotated = False

    def __init__(self, root: Path, options: OwnOptions) -> None:
        self.root, self.options = root, options
        self.split = re.sub(r"\s", "_", root.resolve().stem if root.is_file() else root.resolve().name)
        self.rate = 0.0
        self.pictures = self._frames() if root.is_file() else self._photographs()
        hands = _hands_of(self.pictures, options, root.is_file())
        self._samples = [(p, own) for p, rows in enumerate(hands) for own in _by_person(rows)]
        self._first: dict[Place, int] = {}
        for i, (p, _) in enumerate(self._samples):
            self._first.setdefault(self.pictures[p].place, i)
        self._K = intrinsics(options.focal, options.K, [picture.size for picture in self.pictures])
        self.fingerprint = self._hash(hands)
        self.coverage = Coverage(len(self._samples), len(self._samples))
        self._keys = self._name_samples()

    @property
    def is_video(self) -> bool:
        """Whether it is a video file."""
        return self.root.is_file()

    def _photographs(self) -> list[OwnPicture]:
        paths = list_pictures(self.root)
        places = places_of([path.name for path in paths])
        if self.options.video == "no":
            places = [Place("", i) for i in range(len(paths))]
        found = [open_photograph(path) for path in paths]
        return [
            OwnPicture(path.name, photo, photo.size, place)
            for path, photo, place in zip(paths, found, places, strict=True)
        ]

    def _frames(self) -> list[OwnPicture]:
        info = probe_video(self.root)
        self.rate = info.rate
        digits = max(6, len(str(info.frames)))
        video = "" if self.options.video == "no" else self.split
        return [
            OwnPicture(f"{i:0{digits}d}", VideoFrame(self.root, i, info.size), info.size, Place(video, i))
            for i in range(info.frames)
        ]

    def _name_samples(self) -> list[str]:
        keys, last, count = [], -1, 0
        for p, _ in self._samples:
            count = count + 1 if p == last else 1
            last = p
            key = f"images/{self.split}/{self.pictures[p].name}"
            keys.append(key if count == 1 else f"{key}#{count}")
        return keys

    def _hash(self, hands: list[list[BoxRow]]) -> str:
        """Returns a hash of file names, sizes, first and last MiB, of boxes and cameras."""
        digest = xxhash.xxh3_128()
        digest.update(repr([[(row.side.value, row.box) for row in rows] for rows in hands]).encode())
        digest.update(self._K.tobytes())
        files = [self.root] if self.is_video else [self.root / picture.name for picture in self.pictures]
        for path in files:
            size = path.stat().st_size
            digest.update(f"{path.name} {size}".encode())
            with path.open("rb") as file:
                digest.update(file.read(_EDGE))
                file.seek(max(size - _EDGE, 0))
                digest.update(file.read(_EDGE))
        return str(digest.hexdigest())

    @property
    def keys(self) -> Sequence[str]:
        """``images/<folder or video>/<file name or frame>``; of a second hand of one side with ``#2``."""
        return self._keys

    def picture_of(self, index: int) -> int:
        """Returns which picture sample ``index`` shows."""
        return self._samples[index][0]

    def read(self, index: int) -> Sample:
        """Returns sample ``index``: picture, nominal or given camera, boxes; joints are NaN."""
        p, own = self._samples[index]
        picture = self.pictures[p]
        meta = {
            "recording": picture.place.video or picture.name, "camera": "0", "frame": picture.place.frame,
            "camera_known": bool(self.options.focal or self.options.K),
        }  # fmt: skip
        hands = tuple(_annotation(side, row) for side, row in own.items())
        camera = Camera(self._K[p], picture.size)
        return Sample(self._keys[index], picture.image, camera, hands, meta=meta)

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        """Returns the sample ``gap`` frames before in the same video, of the same size, or None."""
        p, _ = self._samples[index]
        picture = self.pictures[p]
        if not picture.place.video:
            return None
        found = self._first.get(Place(picture.place.video, picture.place.frame - gap))
        if found is None or self.pictures[self._samples[found][0]].size != picture.size:
            return None
        return found

    def ground_truth(self) -> GroundTruth:
        """Returns boxes and cameras; no joint is valid, and all meshes are NaN.

        They are there, as models leave meshes out that an annotation has not; here they are drawn.
        """
        n = len(self._samples)
        nothing, invalid = np.full((n, 21, 3), np.nan), np.zeros((n, 21), np.bool_)
        mesh = np.broadcast_to(np.float32(np.nan), (n, VERTICES, 3))
        boxes = {side: np.full((n, 4), np.nan) for side in Side}
        for i, (_, own) in enumerate(self._samples):
            for side, row in own.items():
                boxes[side][i] = row.box
        pictures = [self.pictures[p] for p, _ in self._samples]
        moving = any(picture.place.video for picture in pictures)
        return GroundTruth(
            self.name, self.split, self.keys, [p.place.video or p.name for p in pictures],
            self._K[[p for p, _ in self._samples]],
            {side: HandTruth(nothing, invalid, box=boxes[side], vertices=mesh) for side in Side},
            fingerprint=self.fingerprint,
            videos=[_video(key, p) for key, p in zip(self._keys, pictures, strict=True)] if moving else (),
            frames=np.array([p.place.frame for p in pictures], np.int64) if moving else None,
        )  # fmt: skip

    def summary(self) -> list[str]:
        """Returns what was found, and what was assumed of the camera."""
        sides = [side.value for _, own in self._samples for side in own]
        counts = ", ".join(f"{sides.count(side.value)} {side.value}" for side in Side)
        kind = "frames" if self.is_video else "pictures"
        lines = [f"images {self.split}: {len(self.pictures)} {kind}, hands: {counts}"]
        earlier = sum(self.previous_index(i) is not None for i in range(len(self)))
        lines.append(f"{earlier} of them follow another frame of the same video")
        if not (self.options.focal or self.options.K):
            lines.append(f"the focal length is taken to be {NOMINAL_FOCAL} times the longer side (--focal)")
        return lines


def _video(key: str, picture: OwnPicture) -> str:
    """Returns the video of a sample: each person's hands are one, and a picture of none is its own."""
    return f"{picture.place.video}#{key.rpartition('#')[2]}" if "#" in key else picture.place.video or key


def _hands_of(pictures: list[OwnPicture], options: OwnOptions, video: bool) -> list[list[BoxRow]]:
    """Returns the boxes of each picture, checked."""
    text = options.boxes.strip()
    if not text:
        raise HandbenchError(
            "no --boxes: where are the hands?", 'give "x,y,w,h" in pixels, full, or a file with a row a hand'
        )
    side = parse_side(options.side, "--side")
    box = one_box(text)
    if text == "full" or box is not None:
        found = [
            [
                BoxRow(
                    p.name,
                    side,
                    box or (-0.5, -0.5, float(p.size[0]), float(p.size[1])),
                    f"--boxes, {p.name}",
                )
            ]
            for p in pictures
        ]
    else:
        rows = read_boxes(Path(text).expanduser(), video)
        names = [str(p.place.frame) if video else p.name for p in pictures]
        grouped = by_picture(rows, names)
        found = [grouped[name] for name in names]
    for picture, own in zip(pictures, found, strict=True):
        for row in own:
            check_box(row.box, picture.size, row.where)
    lacking = [p.name for p, own in zip(pictures, found, strict=True) if not own]
    if lacking and options.no_box == "error":
        names_text = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        raise HandbenchError(
            f"{len(lacking)} of {len(pictures)} pictures have no box in {text}: {names_text}",
            "add them, or keep them without a hand by --no-box skip",
        )
    return found


def _by_person(rows: list[BoxRow]) -> list[dict[Side, BoxRow]]:
    """Returns the hands of each sample of a picture: the k-th of each side are the k-th sample's."""
    own = {side: [row for row in rows if row.side is side] for side in Side}
    count = max(1, *(len(found) for found in own.values()))
    return [{side: found[k] for side, found in own.items() if k < len(found)} for k in range(count)]


def _annotation(side: Side, row: BoxRow) -> HandAnnotation:
    nothing, invalid = np.full((21, 3), np.nan), np.zeros(21, np.bool_)
    return HandAnnotation(side, nothing, invalid, box=np.array(row.box))


LOADER = Loader(
    OwnOptions, OwnPictures, "handbench.loaders:howto/images.md",
    "pictures of one's own, or a video file, with boxes about the hands; no 3D", takes_files=True,
)  # fmt: skip
