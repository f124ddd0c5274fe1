"""Frames of a video file, decoded in order; the last ones are kept, as video models look back."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handbench.arrays import ImageArray
from handbench.errors import BadSampleError, HandbenchError

VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
_KEPT_BYTES, _KEPT_FRAMES = 256 << 20, 48


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file holds.

    Attributes:
        frames: how many of them decode.
        size: (width, height) [px] as shown.
        rate: frames a second; 25 where the file does not say.
    """

    frames: int
    size: tuple[int, int]
    rate: float


def probe_video(path: Path) -> VideoInfo:
    """Opens a video and counts its frames by decoding them: what a file says of itself is often wrong.

    Raises:
        HandbenchError: when it does not open or holds no frame.
    """
    capture = _open(path)
    good, frame = capture.read()
    if not good:
        raise HandbenchError(f"{path}: the video holds no frame", "is it whole? does a player open it?")
    count = 1
    while capture.grab():
        count += 1
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    capture.release()
    size = (int(frame.shape[1]), int(frame.shape[0]))
    return VideoInfo(count, size, rate if 0 < rate < 1000 else 25.0)


def _open(path: Path) -> Any:
    # FFmpeg prints lines of its own about a broken file.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise HandbenchError(
            f"{path}: the video does not open", "is it whole? try it as mp4 (H.264), or as a folder of jpg"
        )
    return capture


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """A reference to a frame of a video.

    Attributes:
        path: of the video.
        number: of the frame, from 0.
        size: (width, height) that it must have.
    """

    path: Path
    number: int
    size: tuple[int, int]

    def read(self) -> ImageArray:
        """Returns (h, w, 3) uint8 RGB.

        Raises:
            BadSampleError: when the frame does not decode or has another size.
        """
        image = _READER.read(self.path, self.number)
        if image is None or image.shape[1::-1] != self.size:
            raise BadSampleError(f"{self.path}: frame {self.number} does not decode", "is the file whole?")
        return image


class _Reader:
    """One open video a process. Going back further than the kept frames begins at the start again: seeking
    lands on other frames than asked for in many files."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._capture: Any = None
        self._orphans: list[Any] = []
        self._next = 0
        self._kept: OrderedDict[int, ImageArray] = OrderedDict()

    def read(self, path: Path, number: int) -> ImageArray | None:
        """Returns a frame in RGB, or None where it does not decode."""
        with self._lock:
            if path != self._path or (number < self._next and number not in self._kept):
                self._restart(path)
            while number not in self._kept:
                if not self._advance(keep=number - self._next < _KEPT_FRAMES):
                    return None
            return self._kept[number]

    def forget(self) -> None:
        """Begins anew in a forked process: its parent reads on in the same open file."""
        if self._capture is not None:
            # Never let go, in no fork of the fork either: releasing waits for the parent's threads.
            self._orphans.append(self._capture)
        self._lock, self._path, self._capture, self._next = threading.Lock(), None, None, 0
        self._kept.clear()

    def _restart(self, path: Path) -> None:
        if self._capture is not None:
            self._capture.release()
        self._path, self._next = None, 0
        self._kept.clear()
        self._capture = _open(path)
        self._path = path

    def _advance(self, keep: bool) -> bool:
        """Goes one frame on; frames that will not be asked for are not converted."""
        if not self._capture.grab():
            return False
        if keep:
            good, frame = self._capture.retrieve()
            if not good:
                return False
            self._kept[self._next] = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            most = min(_KEPT_FRAMES, max(_KEPT_BYTES // max(frame.nbytes, 1), 2))
            while len(self._kept) > most:
                self._kept.popitem(last=False)
        self._next += 1
        return True


_READER = _Reader()
os.register_at_fork(after_in_child=_READER.forget)
