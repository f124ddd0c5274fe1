"""Overlays of all predictions of a dataset: a picture each, and a video where the data are one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.datasets import Dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.predictions import Predictions
from handbench.progress import Progress
from handbench.show.mesh_faces import MeshFaces
from handbench.show.overlay import Shown, draw_overlay, first_width
from handbench.show.placement import hand_at, place_hand
from handbench.types import Sample, Side

_QUALITY = 92
_PICTURES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")


@dataclass
class Overlays:
    """What was drawn.

    Attributes:
        folder: of the pictures.
        pictures: how many.
        video: the video, or None.
        bad: key and reason of pictures that could not be read.
    """

    folder: Path
    pictures: int = 0
    video: Path | None = None
    bad: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        video = None if self.video is None else str(self.video)
        return {"overlays": str(self.folder), "drawn": self.pictures, "overlay_video": video}

    def lines(self) -> list[str]:
        """Returns what was done, in words."""
        film = "" if self.video is None else f", and {self.video}"
        return [f"{self.folder}: {self.pictures:,} overlays{film}", *(f"not drawn: {w}" for w in self.bad)]


def write_overlays(
    dataset: Dataset,
    predictions: Predictions,
    folder: Path,
    model: str,
    hand_model: str = "",
    quiet: bool = False,
) -> Overlays:
    """Draws every picture of a dataset with what was predicted of its hands.

    Pictures become PNG files; frames of a video file become JPEG files and an mp4 at the video's own rate.

    Args:
        dataset: that was predicted.
        predictions: of its samples, in its order.
        folder: made where it is not there; files of the same names are replaced.
        model: named on each picture.
        hand_model: triangles of the meshes: ``procedural``, ``mano:DIR``, or empty for what they say.
        quiet: no progress.

    Raises:
        HandbenchError: when the folder cannot be written, or the predictions are of other samples.
    """
    if list(predictions.keys) != list(dataset.keys):
        raise HandbenchError("the predictions are of other samples than the data", "predict them again")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HandbenchError(f"cannot make {folder}: {error.strerror}", "choose another --overlay") from None
    rate = float(getattr(dataset, "rate", 0.0))
    done = Overlays(folder)
    film = _Film(folder / f"{dataset.split}.mp4", rate) if rate else None
    faces, named = MeshFaces(hand_model), named_model(predictions)
    suffix, names = ".jpg" if rate else ".png", _file_names(dataset)
    with Progress(len(dataset), "overlays", quiet=quiet) as progress:
        for rows in _pictures(dataset):
            samples = [dataset.read(row) for row in rows]
            try:
                image = samples[0].image.read()
            except BadSampleError as error:
                done.bad.append(str(error))
                continue
            shown = _shown(samples, rows, predictions, image, model, named)
            sheet = draw_overlay(shown, faces, first_width(image.shape))
            _keep(folder / f"{names[rows[0]]}{suffix}", sheet)
            if film is not None:
                film.add(sheet)
            done.pictures += 1
            progress.advance(len(rows))
    if film is not None:
        done.video = film.close()
    return done


def _pictures(dataset: Dataset) -> Iterator[list[int]]:
    """Gives the samples of each picture: those of several people in one are drawn together."""
    picture_of: Any = getattr(dataset, "picture_of", None)
    rows: list[int] = []
    for row in range(len(dataset)):
        if rows and (picture_of is None or picture_of(row) != picture_of(rows[-1])):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _shown(
    samples: list[Sample],
    rows: list[int],
    predictions: Predictions,
    image: ImageArray,
    model: str,
    named: str,
) -> Shown:
    boxes: list[tuple[Side, FloatArray]] = []
    hands = []
    for sample, row in zip(samples, rows, strict=True):
        for side in Side:
            asked = sample.hand(side)
            box = None if asked is None or asked.box is None else np.asarray(asked.box)
            if box is not None and np.isfinite(box).all():
                boxes.append((side, box))
            found = hand_at(predictions, row, side)
            if found is not None:
                hands.append(place_hand(found, predictions.space, np.asarray(sample.camera.K), box))
    return Shown(samples[0].key, model, image, np.asarray(samples[0].camera.K), boxes, hands, named)


def named_model(predictions: Predictions) -> str:
    """Returns the hand model of meshes with its folder, where the network's settings tell it."""
    settings: Any = predictions.provenance.get("settings")
    own = settings.get("settings") if isinstance(settings, dict) else None
    spec = own.get("hand_model") if isinstance(own, dict) else None
    kind = predictions.hand_model
    return spec if isinstance(spec, str) and kind and spec.startswith(f"{kind}:") else kind


def _file_names(dataset: Dataset) -> list[str]:
    """Returns the name of each sample's file: its key below the split, without a picture's suffix."""
    front = f"{dataset.name}/{dataset.split}/"
    long = [_plain(key.removeprefix(front)) for key in dataset.keys]
    short = [
        name.removesuffix(Path(name).suffix) if Path(name).suffix in _PICTURES else name for name in long
    ]
    return short if len(set(short)) == len(set(long)) else long


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "._-#" else "-" for letter in text)


def _keep(path: Path, sheet: ImageArray) -> None:
    flags = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY] if path.suffix == ".jpg" else []
    good, data = cv2.imencode(path.suffix, sheet[..., ::-1], flags)
    assert good
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise HandbenchError(f"cannot write {path}: {error.strerror}", "choose another --overlay") from None


class _Film:
    """Writes frames of one size to an mp4."""

    def __init__(self, path: Path, rate: float) -> None:
        self._path, self._rate = path, rate
        self._writer: Any = None

    def add(self, sheet: ImageArray) -> None:
        if self._writer is None:
            size = (sheet.shape[1], sheet.shape[0])
            code = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._path), code, self._rate, size)
            if not self._writer.isOpened():
                raise HandbenchError(f"cannot write {self._path}", "choose another --overlay")
        self._writer.write(np.ascontiguousarray(sheet[..., ::-1]))

    def close(self) -> Path | None:
        """Finishes the file; None where no frame came."""
        if self._writer is None:
            return None
        self._writer.release()
        return self._path
