"""The files of one's own pictures: a folder in natural order, or the frames of a video file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from handbench.arrays import ImageArray
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.images import decode_image, decode_strictly, image_size, read_bytes
from handbench.formats.orientation import exif_orientation, is_turned, upright

PICTURES = (".jpg", ".jpeg", ".png")
_OTHERS = (".heic", ".heif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
_HEAD = 1 << 18
_PLAIN = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


@dataclass(frozen=True, slots=True)
class Photograph:
    """A reference to a JPEG or PNG, shown as it was held (Exif orientation).

    Attributes:
        path: of the file.
        size: (width, height) as shown.
        orientation: 1 to 8, see :mod:`handbench.formats.orientation`.
    """

    path: Path
    size: tuple[int, int]
    orientation: int = 1

    def read(self) -> ImageArray:
        """Returns (h, w, 3) uint8 RGB.

        Raises:
            BadSampleError: naming the file, when it does not decode or is another picture than before.
        """
        data, where = read_bytes(self.path), str(self.path)
        jpeg = data.startswith(b"\xff\xd8")
        image = decode_strictly(data, where) if jpeg else decode_image(data, where, flags=_PLAIN)
        image = upright(image, self.orientation)
        if image.shape[1::-1] != self.size:
            raise BadSampleError(f"{where}: changed since it was opened", "predict again")
        return image


def open_photograph(path: Path) -> Photograph:
    """Reads the header of a picture.

    Raises:
        BadSampleError: naming the file, when it is no JPEG or PNG.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError as error:
        raise BadSampleError(f"{path}: {error.strerror or error}", "copy it again") from None
    if not data:
        raise BadSampleError(f"{path}: the file is empty", "copy it again or remove it")
    try:
        size = image_size(data, str(path))
    except BadSampleError:
        # A long preview may stand before the picture's own header.
        size = image_size(read_bytes(path), str(path))
    orientation = exif_orientation(data)
    return Photograph(path, size[::-1] if is_turned(orientation) else size, orientation)


def list_pictures(folder: Path) -> list[Path]:
    """Returns the pictures of a folder (not of folders in it), in natural order: 2.jpg before 10.jpg.

    Raises:
        HandbenchError: when there is none, naming pictures of kinds that are not read.
    """
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    found = sorted((p for p in files if p.suffix.lower() in PICTURES), key=lambda p: natural_key(p.name))
    if not found:
        others = sorted({p.suffix.lower() for p in files if p.suffix.lower() in _OTHERS})
        hint = f"convert {', '.join(others)} to jpg" if others else "name the folder that holds jpg or png"
        raise HandbenchError(f"{folder}: no jpg or png picture", hint)
    return found


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Returns what file names are sorted by: numbers as numbers, letters without their case."""
    words = re.split(r"(\d+)", name.lower())
    parts = tuple((0, int(word), "") if word.isdecimal() else (1, 0, word) for word in words if word)
    return (*parts, (2, 0, name))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture stands in a video.

    Attributes:
        video: name of the video, empty for a picture of none.
        frame: its number there.
    """

    video: str
    frame: int


def places_of(names: list[str]) -> list[Place]:
    """Tells which pictures are frames of one video: names that differ in their last number only.

    The number counts frames; where numbers mostly go up by more than one (every third frame was kept) that
    step counts as one frame.
    """
    found: list[tuple[str, int] | None] = []
    for name in names:
        match = re.fullmatch(r"(.*?)(\d+)(\D*)", Path(name).stem)
        found.append(None if match is None else (f"{match[1]}#{match[3]}", int(match[2])))
    numbers: dict[str, list[int]] = {}
    for place in found:
        if place is not None:
            numbers.setdefault(place[0], []).append(place[1])
    steps = {video: _step(sorted(set(values))) for video, values in numbers.items()}
    places = []
    for i, place in enumerate(found):
        if place is None or not steps[place[0]] or (place[1] - min(numbers[place[0]])) % steps[place[0]]:
            places.append(Place("", i))
        else:
            places.append(Place(place[0], place[1] // steps[place[0]]))
    return places


def _step(numbers: list[int]) -> int:
    """Returns by how much numbers mostly go up; 0 for a single one."""
    if len(numbers) < 2:
        return 0
    values, counts = np.unique(np.diff(numbers), return_counts=True)
    return int(values[counts.argmax()])
