"""Reads ``_data.json``, of any size: images and annotations to arrays, names to codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.formats.interhand_records import Array, Records, gather
from handbench.formats.interhand_write import file_name_of
from handbench.formats.json_stream import fail, stream_json

_I16 = 2**15 - 1
_I31 = 2**31 - 1


class DataReader:
    """Collects the columns of ``images`` and ``annotations`` over all shards.

    Attributes:
        seqs: sequence names in the order they were met; a code is a place in it.
        cameras: camera names, likewise.
        odd_names: row of an image -> its file name, where that is not the usual one.
    """

    def __init__(self) -> None:
        self._seqs: dict[str, int] = {}
        self._cameras: dict[str, int] = {}
        self.odd_names: dict[int, str] = {}
        self._images: list[dict[str, Array]] = []
        self._annotations: list[dict[str, Array]] = []
        self._rows = 0

    def read(self, paths: Sequence[Path]) -> None:
        """Reads the shards of one split.

        Raises:
            HandbenchError: when a file is damaged or a field is missing or makes no sense.
        """
        for path in paths:
            found = set()
            for what, records in _batches(path):
                found.add(what)
                (self._add_images if what == "images" else self._add_annotations)(path, records)
            for what in {"images", "annotations"} - found:
                fail(path, 0, f"holds no list {what!r}")

    @property
    def seqs(self) -> list[str]:
        """Names of sequences by code."""
        return list(self._seqs)

    @property
    def cameras(self) -> list[str]:
        """Names of cameras by code."""
        return list(self._cameras)

    def images(self) -> dict[str, Array]:
        """Returns id, capture, subject, seq, camera, frame, width, height: (I,) each."""
        return gather(self._images)

    def annotations(self) -> dict[str, Array]:
        """Returns id, image_id, hand_type, hand_type_valid: (A,); box (A, 4) [px]; valid (A, 42)."""
        return gather(self._annotations)

    def _add_images(self, path: Path, records: list[Any]) -> None:
        table = Records(path, records, "images")
        captures = table.integers("capture", 0, _I16)
        frames = table.integers("frame_idx", 0, _I31)
        seqs, cameras = table.texts("seq_name"), table.texts("camera")
        names = table.texts("file_name", 1000)
        usual = map(file_name_of, captures.tolist(), seqs, cameras, frames.tolist())
        for i, (name, plain) in enumerate(zip(names, usual, strict=True)):
            if name != plain:
                self.odd_names[self._rows + i] = name
        self._images.append(
            {
                "id": table.integers("id"),
                "capture": captures.astype(np.int16),
                "subject": table.integers("subject", 0, _I16).astype(np.int16),
                "seq": _codes(seqs, self._seqs),
                "camera": _codes(cameras, self._cameras),
                "frame": frames.astype(np.int32),
                "width": table.integers("width", 1, _I16).astype(np.int16),
                "height": table.integers("height", 1, _I16).astype(np.int16),
            }
        )
        self._rows += len(records)

    def _add_annotations(self, path: Path, records: list[Any]) -> None:
        table = Records(path, records, "annotations")
        self._annotations.append(
            {
                "id": table.integers("id"),
                "image_id": table.integers("image_id"),
                "box": table.numbers("bbox", 4),
                "valid": table.flags("joint_valid"),
                "hand_type": table.hand_types(),
                "hand_type_valid": table.integers("hand_type_valid", 0, 1).astype(np.bool_),
            }
        )


def _batches(path: Path) -> Iterator[tuple[str, list[Any]]]:
    for piece in stream_json(path, depth=1):
        if piece.keys[:1] in (("images",), ("annotations",)):
            if piece.kind != "list":
                fail(path, piece.offset, f"{piece.keys[0]!r} is no list")
            yield str(piece.keys[0]), piece.decode()


def _codes(names: list[str], table: dict[str, int]) -> npt.NDArray[np.int32]:
    return np.array([table.setdefault(name, len(table)) for name in names], dtype=np.int32)
