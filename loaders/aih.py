"""AIH from our own shards: pictures of two hands, the target alone, whole and visible masks, 3D of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from handbench.camera import Camera
from handbench.datasets import Coverage, Dataset, Loader
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.loaders.aih_fields import (
    KINDS,
    SIDES,
    RecordArrays,
    picture_intrinsics,
    record_arrays,
    record_origin,
)
from handbench.loaders.aih_targets import AihTargets
from handbench.loaders.aih_truth import (
    VERSION,
    build_columns,
    hands_of,
    recordings_of,
    subsets_of,
    take_rows,
    tips_of,
)
from handbench.loaders.store_refs import StoredImage, StoredMask
from handbench.store import open_store
from handbench.store.columns import Columns, cached_columns
from handbench.store.dataset import Store
from handbench.store.kinds import AIH, AIH_TABLE
from handbench.store.record import Record
from handbench.types import HandAnnotation, HandParams, Sample

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class AihOptions:
    """Keys of ``aih:DIR@...``.

    Attributes:
        split: ``train``, ``val`` or ``test``: DIR/<split>, or what DIR itself is called. By default the
            folder's own name where DIR is one split, else ``train``.
        kind: ``right`` or ``left`` (crops about that hand, with the target's own picture), ``pair`` (crops
            about both hands), or ``all``.
        picture: ``both`` hands, or the ``target`` alone and whole: single hands in the same poses.
        cutouts: of a table: the folder of its cut-outs, or one with a folder for each split. By default
            DIR/cutouts/<split>.
    """

    split: str = ""
    kind: Literal["all", "right", "left", "pair"] = "all"
    picture: Literal["both", "target"] = "both"
    cutouts: str = ""


class AihDataset(Dataset):
    """The records of one split: rendered ones, pasted ones, or both; a table's are composed when read.

    Args:
        root: a folder of splits, or one split.
        options: what to take.

    Raises:
        HandbenchError: when there is no finished AIH dataset, or a table lacks its cut-outs.
    """

    name = "aih"

    def __init__(self, root: Path, options: AihOptions) -> None:
        self.options = options
        self.root, self.split = _find_split(root, options.split)
        self._store: Store = _open_records(self.root, options.cutouts)
        self.fingerprint = self._store.manifest.digest
        self.coverage = Coverage(len(self), len(self))

    @cached_property
    def _ids(self) -> Sequence[int]:
        if self.options.kind == "all":
            return self._store.ids
        return np.flatnonzero(self._columns["kind"] == KINDS.index(self.options.kind)).tolist()

    @cached_property
    def _columns(self) -> Columns:
        return cached_columns("aih", f"{VERSION}-{self.fingerprint}", self._build)

    def _build(self) -> Columns:
        return build_columns(self._store, self._key)

    def __getstate__(self) -> dict[str, Any]:
        # Columns are mapped again where they are needed.
        return {name: value for name, value in self.__dict__.items() if name not in ("_columns", "_ids")}

    @property
    def store(self) -> Store:
        """The records themselves; the record of sample ``i`` is ``store[dataset.id(i)]``."""
        return self._store

    def id(self, index: int) -> int:
        """Returns the record id of a sample."""
        return self._ids[index]

    @cached_property
    def _keys(self) -> list[str]:
        return [self._key(i) for i in self._ids]

    @property
    def keys(self) -> Sequence[str]:
        """``aih/<split>/<id, 8 digits>``."""
        return self._keys

    def _key(self, sample_id: int) -> str:
        return f"aih/{self.split}/{sample_id:08d}"

    def __len__(self) -> int:
        return len(self._ids)

    def read(self, index: int) -> Sample:
        """Returns sample ``index``.

        ``meta`` has ``target_side``, ``kind``, ``depth_order``, ``scene_id``, ``occlusion`` (of the target),
        references ``target_image`` and ``removed`` (None for a pair), and for each side ``covered_by``;
        ``part`` (``render`` or ``syn``), ``tips`` (the fingertip set of the joints), and of a pasted sample
        ``persons`` and ``captures`` by side. A pasted sample's ``recording`` is the capture of its target.

        Raises:
            BadSampleError: when a field makes no sense.
            CorruptError: when the record's bytes differ from what was written.
        """
        record = self._store[self._ids[index]]
        key = self._key(record.id)
        fields = record.fields
        arrays, origin = record_arrays(fields, key), record_origin(fields, key)
        camera = Camera(picture_intrinsics(arrays), arrays.size)
        hands = tuple(_hand(record, arrays, row, camera) for row in np.flatnonzero(arrays.present).tolist())
        alone = "target_image" in record.names
        meta = {
            "recording": origin.recording, "camera": origin.camera, "frame": origin.frame,
            "part": origin.part, "tips": origin.tips, "persons": origin.persons, "captures": origin.captures,
            "kind": arrays.kind, "target_side": arrays.target.value, "scene_id": fields["scene_id"],
            "depth_order": fields["depth_order"], "occlusion": fields["occlusion"],
            "target_image": StoredImage(record, "target_image", key) if alone else None,
            "removed": StoredMask(record, "removed") if "removed" in record.names else None,
            "hand_model": fields["hand_model"], "source": fields["source"], "effects": fields["effects"],
            "covered_by": {s: h["covered_by"] for s, h in fields["hands"].items() if h is not None},
        }  # fmt: skip
        return Sample(key, StoredImage(record, "image", key), camera, hands, meta=meta)

    def ground_truth(self) -> GroundTruth:
        """Returns the columns of all samples.

        ``joints_2d`` is exact also for pasted samples, where each hand has a camera of its own. ``subsets``:
        ``right``, ``left``, ``pair``, ``render``, ``syn``, ``two_hands``, and the target's occlusion, e.g.
        ``occlusion 0.1-0.3``. ``tips`` is ``mixed`` where samples have different fingertip sets. ``labels``
        gives the samples themselves, whose masks and target picture are read when they are asked for.
        """
        columns = take_rows(self._columns, np.asarray(self._ids, dtype=np.int64))
        present = columns["present"]
        kinds = np.array(["", "right", "left", "interacting"])[present[:, 0] + 2 * present[:, 1]]
        return GroundTruth(
            self.name,
            self.split,
            self.keys,
            recordings_of(columns),
            columns["K"],
            hands_of(columns),
            hand_type=[str(kind) for kind in kinds],
            hand_type_valid=kinds != "",
            subsets=subsets_of(columns),
            tips=tips_of(columns),
            fingerprint=self.fingerprint,
            partial=self.coverage.partial,
            labels=self.read,
        )

    def summary(self) -> list[str]:
        """Returns what was resolved."""
        first, *rest = super().summary()
        return [f"{first} (kind {self.options.kind}, digest {self.fingerprint})", *rest]


def _find_split(root: Path, split: str) -> tuple[Path, str]:
    below = root / (split or "train")
    if below.is_dir():
        return below, split or "train"
    own = root.name if root.name in SPLITS else ""
    if split and own and own != split:
        raise HandbenchError(f"{root}: no split {split!r} below it", f"it is called {own}: write split={own}")
    return root, split or own or "all"


def _open_records(root: Path, cutouts: str) -> Store:
    store = open_store(root)
    kind = store.manifest.spec.kind
    if kind == AIH:
        return store
    if kind != AIH_TABLE:
        raise HandbenchError(
            f"{root}: holds {kind!r}, expected {AIH!r} or {AIH_TABLE!r}", "packed data opens with packed:DIR"
        )
    # Composing is compiled: its import would be most of what opening composites takes.
    from handbench.compose.table import open_samples

    return open_samples(root, cutouts or None)


def _hand(record: Record, arrays: RecordArrays, row: int, camera: Camera) -> HandAnnotation:
    side = SIDES[row]
    name = "target" if side is arrays.target else "other"
    same = bool((arrays.K[row] == camera.K).all())
    return HandAnnotation(
        side,
        arrays.joints[row],
        arrays.joints_valid[row],
        joints_2d=arrays.joints_2d[row],
        visibility=arrays.visibility[row],
        params=HandParams(side, arrays.pose[row], arrays.betas[row], arrays.transl[row]),
        box=arrays.box[row],
        amodal_mask=StoredMask(record, f"{name}_amodal"),
        visible_mask=StoredMask(record, f"{name}_visible"),
        camera=None if same else Camera(arrays.K[row], arrays.size),
        occlusion=float(arrays.occlusion[row]),
    )


def open_aih(root: Path, options: AihOptions) -> Dataset:
    """Opens one split."""
    whole = AihDataset(root, options)
    return whole if options.picture == "both" else AihTargets(whole)


LOADER = Loader(
    AihOptions,
    open_aih,
    "handbench.loaders:howto/aih.md",
    "synthetic pairs of hands with whole and visible masks and the target alone (our own shards)",
)
