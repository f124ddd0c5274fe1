"""Picture files of one's own, wherever they lie, without boxes: for models that look at whole pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xxhash

from handbench.camera import Camera
from handbench.datasets import Coverage, Dataset
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.loaders.own_cameras import intrinsics
from handbench.loaders.own_files import open_photograph
from handbench.types import Sample

_REMEDY = "name jpg or png files, or samples of data with --data REF"


class LoosePictures(Dataset):
    """Pictures by their files' names; nothing is known of their hands, the camera is nominal.

    Args:
        paths: of JPEG or PNG files, in this order.

    Raises:
        HandbenchError: for a file that is not there or is no picture.
    """

    name, split = "images", "own"
    annotated = False

    def __init__(self, paths: Sequence[Path]) -> None:
        for path in paths:
            if path.is_dir():
                raise HandbenchError(f"{path} is a folder", "name the pictures in it")
            if not path.is_file():
                raise HandbenchError(f"no file {path}", _REMEDY)
        try:
            self._pictures = [open_photograph(path) for path in paths]
        except HandbenchError as error:
            raise HandbenchError(error.message, _REMEDY) from None
        self.root = paths[0].parent
        self._keys = [str(path) for path in paths]
        self._K = intrinsics(0.0, "", [picture.size for picture in self._pictures])
        self.fingerprint = xxhash.xxh3_128_hexdigest("\n".join(self._keys).encode())
        self.coverage = Coverage(len(paths), len(paths))

    @property
    def keys(self) -> Sequence[str]:
        """The files' paths."""
        return self._keys

    def read(self, index: int) -> Sample:
        """Returns a picture without hands."""
        picture = self._pictures[index]
        return Sample(self._keys[index], picture, Camera(self._K[index], picture.size))

    def ground_truth(self) -> GroundTruth:
        """Returns cameras, and no hand."""
        return GroundTruth(self.name, self.split, self._keys, self._keys, self._K, {})
