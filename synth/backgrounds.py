"""Where background pictures come from: painted families, a folder, or a dataset's frames without hands."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numba
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.config import content_hash, to_dict
from handbench.errors import HandbenchError
from handbench.registry import Registry, nearest
from handbench.seeding import rng_for
from handbench.synth import background_cache
from handbench.synth.background_paint import Painter
from handbench.synth.persons import Mine

FAMILIES: Registry[Painter] = Registry("background family", "handbench.backgrounds")
_MODULES = {
    "surfaces": ("wood", "fabric", "brick", "tiles", "stone", "carpet"),
    "indoors": ("studio", "shelves", "room", "person"),
    "scenes": ("foliage", "street", "paper", "screen", "table"),
}
for _module, _names in _MODULES.items():
    for _name in _names:
        FAMILIES.register(_name, f"handbench.synth.background_{_module}:{_name}")
_OWN = {name for names in _MODULES.values() for name in names}

TEST_FAMILIES: tuple[str, ...] = ("brick", "foliage", "paper", "shelves")
TRAIN_FAMILIES: tuple[str, ...] = tuple(sorted(_OWN - set(TEST_FAMILIES)))

_VERSION = 1  # raised when a painter changes what it paints
CACHED_PHOTOS = 64
_PHOTO_SIDE = 512


@dataclass(frozen=True, slots=True)
class BackgroundSettings:
    """Holds what backgrounds are drawn from."""

    families: tuple[str, ...] = TRAIN_FAMILIES  # of the painted backgrounds
    pictures: int = 10  # painted once a family; each draw crops, mirrors and tints one
    side: int = 320  # of a painted picture, px
    crop: tuple[float, float] = (0.6, 1.0)  # side of the crop as a share of the picture
    brightness: tuple[float, float] = (0.7, 1.2)
    tint: float = 0.06  # standard deviation of the log gain of each channel


class BackgroundSource(Protocol):
    """Gives backgrounds; the same stream of random numbers gives the same picture in every process."""

    @property
    def name(self) -> str:
        """How the user asked for it."""
        ...

    @property
    def fingerprint(self) -> str:
        """Depends on everything that the pictures depend on, besides the generator."""
        ...

    @property
    def families(self) -> tuple[str, ...]:
        """The kinds of background that are drawn, for splits and reports."""
        ...

    def draw(
        self, rng: np.random.Generator, size: tuple[int, int], gain: FloatArray | None = None
    ) -> tuple[str, ImageArray]:
        """Returns the family that was drawn, and a new picture of it.

        Args:
            rng: decides the picture.
            size: (w, h) [px]; the picture is (h, w, 3) uint8 RGB.
            gain: (3,) times which its channels are taken; 1 where None.

        Raises:
            HandbenchError: when a picture on disk cannot be used, naming it.
        """
        ...


def open_backgrounds(
    spec: str = "procedural", settings: BackgroundSettings | None = None, mine: Mine | None = None
) -> BackgroundSource:
    """Opens a source of backgrounds.

    Args:
        spec: ``procedural``, ``folder:DIR`` or DIR for a folder of jpg and png files, or
            ``interhand:DIR[@split=train,...]`` for the frames of InterHand2.6M without their hands.
        settings: what to draw from.
        mine: who of a recording's people may be shown; all by default.

    Raises:
        HandbenchError: for an unknown family, a folder without images, or what the dataset's loader raises.
    """
    chosen = settings or BackgroundSettings()
    if spec == "procedural":
        return PaintedBackgrounds(chosen)
    if spec.startswith("interhand:"):
        from handbench.synth.background_frames import FrameBackgrounds

        return FrameBackgrounds(spec, chosen, mine)
    return FolderBackgrounds(Path(spec.removeprefix("folder:")), chosen)


class PaintedBackgrounds:
    """Draws from a bank of painted pictures, each painted when it is first asked for.

    The bank depends on the settings alone; in a worker it grows to at most
    ``len(families) * pictures * side**2 * 3`` bytes (34 MB as set by default).
    """

    name = "procedural"

    def __init__(self, settings: BackgroundSettings) -> None:
        known = FAMILIES.names()
        for family in settings.families:
            if family not in known:
                raise HandbenchError(f"unknown background family {family!r}", nearest(family, known))
        if not settings.families or settings.pictures < 1:
            raise HandbenchError("no background families are chosen", f"known: {', '.join(FAMILIES)}")
        self.settings = settings
        self.families = settings.families
        self.fingerprint = content_hash(["painted", _VERSION, to_dict(settings)])
        self._bank: dict[tuple[str, int], ImageArray] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_bank": {}}

    def painting(self, family: str, index: int) -> ImageArray:
        """Returns one picture of the bank, (side, side, 3) uint8 RGB."""
        found = self._bank.get((family, index))
        if found is None:
            side = self.settings.side
            if family in _OWN:
                found = background_cache.kept(f"{family}-{index}", side, lambda: paint(family, index, side))
            else:
                found = paint(family, index, side)
            self._bank[family, index] = found
        return found

    def draw(
        self, rng: np.random.Generator, size: tuple[int, int], gain: FloatArray | None = None
    ) -> tuple[str, ImageArray]:
        """Returns the family that was drawn, and a crop of one of its pictures."""
        family = self.families[int(rng.integers(len(self.families)))]
        picture = self.painting(family, int(rng.integers(self.settings.pictures)))
        return family, cropped(rng, picture, size, self.settings, gain)


def paint(family: str, index: int, side: int) -> ImageArray:
    """Paints picture number `index` of a family, (side, side, 3) uint8 RGB."""
    canvas = _painter(family)(rng_for(_VERSION, "background", family, index), side)
    return np.asarray(np.rint(np.clip(canvas, 0, 1) * 255), np.uint8)


@cache
def _painter(family: str) -> Painter:
    return FAMILIES.get(family)


class FolderBackgrounds:
    """Draws crops of the photographs in a folder.

    Photographs are kept at a short side of 512 px or less, so that a crop shows a scene and not a detail.
    """

    families = ("folder",)

    def __init__(self, folder: Path, settings: BackgroundSettings) -> None:
        if not folder.is_dir():
            raise HandbenchError(f"no folder {folder} of backgrounds", "check the path, or use: procedural")
        suffixes = {".jpg", ".jpeg", ".png"}
        self.files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in suffixes and p.is_file())
        if not self.files:
            raise HandbenchError(f"no jpg or png images in {folder}", "add images, or use: procedural")
        self.name = f"folder:{folder}"
        self.settings = settings
        listed = [[p.relative_to(folder).as_posix(), p.stat().st_size] for p in self.files]
        self.fingerprint = content_hash(["folder", _VERSION, listed, to_dict(settings)])
        self._cache: OrderedDict[int, ImageArray] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": OrderedDict()}

    def draw(
        self, rng: np.random.Generator, size: tuple[int, int], gain: FloatArray | None = None
    ) -> tuple[str, ImageArray]:
        """Returns ``folder`` and a crop of a photograph; raises where the file cannot be decoded."""
        photo = self._photo(int(rng.integers(len(self.files))))
        return "folder", cropped(rng, photo, size, self.settings, gain)

    def _photo(self, index: int) -> ImageArray:
        found = self._cache.pop(index, None)
        if found is None:
            found = _read_photo(self.files[index])
            if len(self._cache) >= CACHED_PHOTOS:
                self._cache.popitem(last=False)
        self._cache[index] = found
        return found


def _read_photo(path: Path) -> ImageArray:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error):
        decoded = None
    if decoded is None:
        raise HandbenchError(f"cannot read the background {path}", "remove the file or replace it")
    scale = _PHOTO_SIDE / min(decoded.shape[:2])
    if scale < 1:
        decoded = cv2.resize(decoded, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(decoded[:, :, ::-1], dtype=np.uint8)


def cropped(
    rng: np.random.Generator,
    picture: ImageArray,
    size: tuple[int, int],
    settings: BackgroundSettings,
    gain: FloatArray | None,
) -> ImageArray:
    """Cuts out a window of the wanted shape, mirrors, scales and tints it."""
    u = rng.random(5)
    height, width = picture.shape[:2]
    share = settings.crop[0] + (settings.crop[1] - settings.crop[0]) * u[0]
    unit = share * min(width / size[0], height / size[1])
    w, h = max(1, int(unit * size[0])), max(1, int(unit * size[1]))
    x0, y0 = int(u[1] * (width - w + 1)), int(u[2] * (height - h + 1))
    window = picture[y0 : y0 + h, x0 : x0 + w]
    scaled = cv2.resize(window, size, interpolation=cv2.INTER_LINEAR if unit < 1.6 else cv2.INTER_AREA)
    if u[3] < 0.5:
        scaled = cv2.flip(scaled, 1)
    bright = settings.brightness[0] + (settings.brightness[1] - settings.brightness[0]) * u[4]
    factor = bright * np.exp(settings.tint * rng.standard_normal(3)) * (1.0 if gain is None else gain)
    out = np.asarray(scaled, dtype=np.uint8)
    _tint(out.reshape(size[1], 3 * size[0]), np.rint(256 * factor).astype(np.uint32))
    return out


@numba.njit(cache=True, nogil=True)
def _tint(image: npt.NDArray[np.uint8], gain: npt.NDArray[np.uint32]) -> None:
    gains = np.empty(image.shape[1], np.uint32)
    for c in range(3):
        gains[c::3] = gain[c]
    for y in range(image.shape[0]):
        row = image[y]
        for x in range(row.size):
            v = (np.uint32(row[x]) * gains[x] + np.uint32(128)) >> np.uint32(8)
            row[x] = np.uint8(v if v < np.uint32(255) else np.uint32(255))
