"""HO-3D v2 and v3 as a dataset: ``ho3d:DIR@version=v3,split=evaluation``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, IndexArray
from handbench.camera import Camera
from handbench.datasets import Dataset, Finding, Loader
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.ho3d import IMAGE_SIZE, DepthFile
from handbench.formats.ho3d_meta import read_meta
from handbench.formats.ho3d_seg import SegFile
from handbench.formats.ho3d_tree import MULTI_CAMERA, folder_of, read_split, take_of
from handbench.formats.images import ImageFile
from handbench.ground_truth import GroundTruth
from handbench.loaders import ho3d_index as index
from handbench.loaders.ho3d_colours import HAND_COLOURS
from handbench.loaders.ho3d_coverage import check_version, coverage_of
from handbench.loaders.ho3d_extra import make_extra
from handbench.loaders.ho3d_index import SUFFIXES
from handbench.loaders.ho3d_truth import Truth, ground_truth, make_truth
from handbench.store.columns import Columns, cached_columns
from handbench.types import HandAnnotation, HandParams, ObjectAnnotation, Sample, Side


@dataclass(frozen=True)
class Ho3dOptions:
    """Keys of a reference to HO-3D.

    Attributes:
        version: ``v3`` (default) or ``v2``.
        split: ``train`` or ``evaluation``; by default the first of them that is there.
        hand_model: gives vertices to the training split: ``procedural`` or ``mano:DIR``; none by default.
            The evaluation split has those of ``evaluation_verts.json`` where it lies in the root.
    """

    version: Literal["v2", "v3"] = "v3"
    split: Literal["train", "evaluation"] = "train"
    hand_model: str = ""


class Ho3d(Dataset):
    """One split of HO-3D, in the order of its list.

    Lines without an annotation (no file, or every field None) and lines without a picture are no samples;
    ``coverage`` counts them. A tree without any picture is annotation alone and keeps all samples.

    Args:
        root: the tree's folder.
        options: which split of it.
        key: of the cached columns, where they are known to be right (a worker opens what its parent has).

    Raises:
        HandbenchError: when the list is missing or damaged, is that of the other version, or a released
            file does not fit it.
    """

    def __init__(self, root: Path, options: Ho3dOptions, key: str | None = None) -> None:
        self.root, self.options = root, options
        self.name, self.split = f"ho3d_{options.version}", options.split
        self.lines = read_split(root, options.split)
        check_version(root, options.version, options.split, len(self.lines))
        self.sequences = sorted({sequence for sequence, _ in self.lines})
        version, split = options.version, options.split
        self.stamp = key or index.index_stamp(root, version, split, self.sequences)
        self.columns: Columns = cached_columns(
            "ho3d", self.stamp, lambda: index.build_index(root, version, split, self.lines)
        )
        self.truth: Truth = make_truth(root, options.version, options.split, self.columns, len(self.lines))
        self.fingerprint = self.truth.fingerprint
        rigs = MULTI_CAMERA | {path.name for path in (root / "calibration").glob("*") if path.is_dir()}
        self.takes = {sequence: take_of(sequence, rigs) for sequence in self.sequences}
        self.extra = make_extra(root, self.names, self.takes)
        self.coverage = coverage_of(self)
        self.seg_folders = dict(zip(self.sequences, map(str, self.columns["seg_folder"]), strict=True))
        self._folders = {
            name: (folder_of(root, split, name, "rgb"), folder_of(root, split, name, "depth"))
            for name in self.sequences
        }
        self.hand_colour = HAND_COLOURS[int(self.columns["hand_colour"][0])]

    def __reduce__(self) -> tuple[Any, ...]:
        return Ho3d, (self.root, self.options, self.stamp)

    def __len__(self) -> int:
        return len(self.columns["line"])

    @cached_property
    def names(self) -> list[tuple[str, str]]:
        """(sequence, frame id as written) of each sample."""
        return [self.lines[i] for i in self.columns["line"].tolist()]

    @cached_property
    def keys(self) -> Sequence[str]:
        """The samples' keys: ``ho3d_v3/<split>/<line of the list>``."""
        return [f"{self.name}/{self.split}/{sequence}/{frame}" for sequence, frame in self.names]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {key: i for i, key in enumerate(self.keys)}

    def find(self, key: str) -> int:
        """Returns the index of a key; raises HandbenchError when there is no such sample."""
        if key not in self._places:
            raise HandbenchError(f"no sample {key!r} in {self.name} {self.split}", "")
        return self._places[key]

    @cached_property
    def _time(self) -> tuple[IndexArray, IndexArray]:
        """Sequence and frame of each sample as one number, sorted; and whose it is."""
        places = {sequence: i for i, sequence in enumerate(self.sequences)}
        codes = np.array([places[s] * 10**9 + int(frame) for s, frame in self.names], dtype=np.int64)
        order = np.argsort(codes, kind="stable")
        return codes[order], order

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        """Returns the sample of the same sequence whose id is ``gap`` smaller, or None where there is none.

        The list's order does not matter (``train.txt`` is not in order of time).
        """
        codes, order = self._time
        sequence, frame = self.names[index]
        if int(frame) < gap:
            return None
        wanted = self.sequences.index(sequence) * 10**9 + int(frame) - gap
        at = int(np.searchsorted(codes, wanted))
        if at == len(codes) or codes[at] != wanted or self.columns["bad"][order[at]]:
            return None
        return int(order[at])

    def read(self, index: int) -> Sample:
        """Returns sample ``index``.

        Raises:
            BadSampleError: when its annotation cannot be used, naming file and field.
        """
        columns = self.columns
        sequence, frame = self.names[index]
        if columns["bad"][index]:
            self._refuse(sequence, frame)
        depth = self._folders[sequence][1] / f"{frame}.png"
        take, camera = self.takes[sequence]
        contact = int(columns["contact"][index])
        meta: dict[str, Any] = {
            "recording": take,
            "camera": camera,
            "frame": int(frame),
            "sequence": sequence,
            "cameras": tuple(filter(None, str(columns["cameras"][index]).split(","))),
        }
        if contact >= 0:
            meta["contact_vertices"] = contact
        if self.extra is not None:
            meta.update(self.extra.meta(index))
        hand_mask, object_mask = self._masks(index, sequence, frame)
        thing = self._object(index, object_mask)
        return Sample(
            key=f"{self.name}/{self.split}/{sequence}/{frame}",
            image=ImageFile(self.image_path(index), IMAGE_SIZE),
            camera=Camera(columns["K"][index], IMAGE_SIZE),
            hands=(self._hand(index, hand_mask),),
            objects=() if thing is None else (thing,),
            depth=DepthFile(depth, IMAGE_SIZE) if columns["depth"][index] else None,
            meta=meta,
        )

    def image_path(self, index: int) -> Path:
        """Returns where the picture of a sample lies; where there is none, where it should."""
        sequence, frame = self.names[index]
        suffix = SUFFIXES[int(self.columns["rgb"][index])]
        suffix = suffix or (".png" if self.options.version == "v2" else ".jpg")
        return self._folders[sequence][0] / (frame + suffix)

    def _hand(self, index: int, mask: SegFile | None) -> HandAnnotation:
        truth = self.truth
        pose = self.columns["pose"][index]
        params = None
        if np.isfinite(pose[0]):
            betas, transl = self.columns["betas"][index], self.columns["transl"][index]
            params = HandParams(Side.RIGHT, pose, betas, transl)
        box, extra = truth.boxes[index], self.extra
        return HandAnnotation(
            Side.RIGHT,
            np.array(truth.joints[index], dtype=np.float64),
            truth.valid[index],
            vertices=truth.vertices(index, params, self.options.hand_model),
            params=params,
            box=box if np.isfinite(box[0]) else None,
            visible_mask=mask,
            visibility=None if extra is None else extra.visibility[index],
            occlusion=None if extra is None else float(extra.occlusion[index]),
        )

    def _object(self, index: int, mask: SegFile | None) -> ObjectAnnotation | None:
        columns = self.columns
        if not np.isfinite(columns["object_t"][index, 0]):
            return None
        return ObjectAnnotation(
            str(columns["object_name"][index]),
            columns["object_R"][index],
            columns["object_t"][index],
            corners=_known(columns["corners"][index]),
            corners_rest=_known(columns["corners_rest"][index]),
            visible_mask=mask,
        )

    def _masks(self, index: int, sequence: str, frame: str) -> tuple[SegFile | None, SegFile | None]:
        code = int(self.columns["seg"][index])
        hand = self.hand_colour
        if not code or hand is None:
            return None, None
        path = Path(self.seg_folders[sequence], frame + SUFFIXES[code])
        other: Literal["red", "blue"] = "blue" if hand == "red" else "red"
        return SegFile(path, hand, IMAGE_SIZE), SegFile(path, other, IMAGE_SIZE)

    def _refuse(self, sequence: str, frame: str) -> None:
        path = folder_of(self.root, self.split, sequence, "meta") / f"{frame}.pkl"
        read_meta(path)
        raise BadSampleError(f"{path}: changed since the dataset was opened", "open it again")

    def summary(self) -> list[str]:
        """Returns what was resolved, and whether the tree is synthetic."""
        made = "" if self.extra is None else " (synthetic: handbench synth-ho3d)"
        first, *rest = super().summary()
        return [first + made, *rest]

    def ground_truth(self) -> GroundTruth:
        """Returns the annotation of all samples; joints have HO-3D's own fingertips."""
        return ground_truth(self)

    def audit(self) -> Iterator[Finding]:
        """Gives what is missing or does not fit; see :mod:`handbench.loaders.ho3d_audit`."""
        from handbench.loaders.ho3d_audit import audit

        return audit(self)


def _known(corners: npt.NDArray[np.float64]) -> FloatArray | None:
    return corners if np.isfinite(corners[0, 0]) else None


def _open(root: Path, options: Any) -> Ho3d:
    if options.hand_model:
        from handbench.hands import load_hand_model

        # A model that does not load is named now, not in a worker.
        load_hand_model(options.hand_model)
    return Ho3d(root, options)


def _splits(root: Path) -> list[str]:
    lists = {split: root / f"{split}.txt" for split in ("train", "evaluation")}
    return [split for split, path in lists.items() if path.is_file() and path.stat().st_size]


LOADER = Loader(
    Ho3dOptions, _open, "handbench.loaders:howto/ho3d.md", "HO-3D v2 and v3: a hand with an object, video",
    _splits,
)  # fmt: skip
