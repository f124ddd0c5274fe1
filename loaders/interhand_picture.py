"""A picture of InterHand2.6M that must show something: some official ones are all black (issue 134)."""

from __future__ import annotations

from dataclasses import dataclass

from handbench.arrays import ImageArray
from handbench.errors import BadSampleError
from handbench.formats.images import ImageFile

BLACK = 8
"""No pixel of a black picture is brighter."""


@dataclass(frozen=True, slots=True)
class LitPicture:
    """A picture that must not be all black."""

    file: ImageFile

    def read(self) -> ImageArray:
        """Returns (h, w, 3) uint8 RGB.

        Raises:
            BadSampleError: when it does not open or no pixel is brighter than 8.
        """
        image = self.file.read()
        if image.max(initial=0) <= BLACK:
            raise BadSampleError(f"{self.file.path}: all black", "InterHand2.6M issue 134; skip_black=false")
        return image
