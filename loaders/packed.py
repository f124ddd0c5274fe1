"""Packed data: what ``handbench data pack`` wrote, with the keys of its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.camera import Camera
from handbench.datasets import Coverage, Dataset, Loader
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.loaders.batch_labels import SIDES
from handbench.loaders.packed_fields import LAYOUT, SCHEMA, SPANS, WIDTH, bad_words, stored_hands
from handbench.loaders.store_refs import StoredImage
from handbench.store import open_store
from handbench.store.columns import Columns, cached_columns
from handbench.store.dataset import Store
from handbench.types import Sample

_STILLS = ("aih", "aih_plain", "100doh")
"""Datasets whose samples are no frames of a video."""


@dataclass(frozen=True)
class PackedOptions:
    """``packed:DIR`` has no keys of its own: what is in it was chosen when it was packed."""


class PackedDataset(Dataset):
    """The records of a pack, in the order of their source; samples that were bad then are left out.

    ``name``, ``split``, keys and fingerprint are the source's. Pixels, K and 2D labels are of the stored
    pictures; ``meta["origin"]`` is the (2, 3) affine from the original picture to the stored one,
    ``meta["source_size"]`` the original's (width, height).

    Args:
        root: the folder with manifest.json.

    Raises:
        HandbenchError: when there is no finished pack.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._store: Store = open_store(root)
        spec = self._store.manifest.spec
        if spec.kind != SCHEMA:
            raise HandbenchError(
                f"{root}: holds {spec.kind!r}, expected {SCHEMA!r}", "an AIH dataset opens with aih:DIR"
            )
        n, told = len(self._store), spec.recipe["source"]
        # Packs of before 2026-11-20 do not tell how much of their source was there.
        before = {"samples": n, "present": n, "official": 0, "partial": n < told["expected"]}
        source = {**before, **told}
        self.name, self.split, self.fingerprint = source["name"], source["split"], source["fingerprint"]
        holes = self._store.manifest.statistics.get("bad", {}).get("yes", 0)
        missing = [*source["missing"]]
        if holes:
            missing.append(f"{bad_words(holes)} when packed")
        self._kept = len(self._store) - holes
        lost = source["samples"] - self._kept
        # What was bad may be what the source counted as absent: it is not subtracted twice.
        present = max(source["present"] - lost, min(source["present"], self._kept))
        self.coverage = Coverage(present, source["expected"], tuple(missing), source["official"])
        self._partial = source["partial"] or lost > 0

    def __reduce__(self) -> tuple[Any, ...]:
        return PackedDataset, (self.root,)

    @property
    def store(self) -> Store:
        """The records; sample ``i`` is ``store[dataset.id(i)]``."""
        return self._store

    @property
    def sides(self) -> Literal["right", "left", "both"]:
        """The hands that the stored pictures are about: the others may lie outside."""
        recipe = self._store.manifest.spec.recipe
        sides: Literal["right", "left", "both"] = "both" if recipe["about"] == "picture" else recipe["sides"]
        return sides

    @property
    def digest(self) -> str:
        """Of the pack's own bytes (the fingerprint is the source's)."""
        return self._store.manifest.digest

    @cached_property
    def _columns(self) -> Columns:
        return cached_columns("packed", f"1-{self.digest}", self._build)

    def _build(self) -> Columns:
        n = len(self._store)
        labels = np.full((n, 2, WIDTH), np.nan)
        K, sides, frame, good = (
            np.zeros((n, 3, 3)),
            np.zeros((n, 2), bool),
            np.zeros(n, int),
            np.ones(n, bool),
        )
        words: dict[str, list[str]] = {name: [] for name in ("key", "recording", "camera", "hand_type", "in")}
        typed, root_depth = np.zeros(n, bool), np.full((n, 2), np.nan)
        for i, record in enumerate(self._store):
            values = record.fields
            for name in ("key", "recording", "camera", "hand_type"):
                words[name].append(values.get(name, ""))
            words["in"].append("\n".join(values.get("subsets", ())))
            good[i] = "bad" not in values
            if good[i]:
                labels[i], K[i], sides[i] = values["labels"], values["K"], values["sides"]
                frame[i], typed[i] = values["frame"], values["hand_type_valid"]
                root_depth[i] = values["root_depth"]
        texts = {name: np.array(column, dtype=np.str_) for name, column in words.items()}
        return {
            "labels": labels, "K": K, "sides": sides, "frame": frame, "good": good,
            "typed": typed, "root_depth": root_depth, **texts,
        }  # fmt: skip

    @cached_property
    def _ids(self) -> list[int]:
        found: list[int] = np.flatnonzero(self._columns["good"]).tolist()
        return found

    def id(self, index: int) -> int:
        """Returns the record of a sample."""
        return self._ids[index]

    @cached_property
    def _keys(self) -> list[str]:
        keys: list[str] = self._columns["key"][self._ids].tolist()
        return keys

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the source."""
        return self._keys

    def __len__(self) -> int:
        return self._kept

    def present(self) -> BoolArray:
        """Returns (N, 2) whether each hand has a box, or two joints at least, that a crop can be about."""
        labels = self._columns["labels"][self._ids]
        box, joints = labels[..., SPANS["box"]], labels[..., SPANS["joints"]]
        counted = np.isfinite(joints).sum(axis=-1) > 3
        boxed = np.isfinite(box).all(axis=-1)
        return np.asarray(np.where(boxed, (box[..., 2:] > 0).all(axis=-1), counted))

    @cached_property
    def _places(self) -> dict[tuple[str, str, int], int]:
        c = self._columns
        names = zip(*(c[name][self._ids].tolist() for name in ("recording", "camera", "frame")), strict=True)
        return {name: i for i, name in enumerate(names)}

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        """Returns the packed sample ``gap`` frames before in the same video, or None."""
        c, at = self._columns, self._ids[index]
        name = (str(c["recording"][at]), str(c["camera"][at]), int(c["frame"][at]) - gap)
        return self._places.get(name)

    def read(self, index: int) -> Sample:
        """Returns sample ``index``.

        Raises:
            CorruptError: when the record's bytes differ from what was written.
        """
        record = self._store[self._ids[index]]
        values = record.fields
        width, height = values["size"]
        camera = Camera(values["K"], (int(width), int(height)))
        meta = {
            **values["meta"],
            "recording": values["recording"], "camera": values["camera"], "frame": values["frame"],
            "origin": values["origin"], "source_size": tuple(values["source_size"]),
        }  # fmt: skip
        if "target_side" in values:
            alone = "target_image" in record.names
            meta["target_side"] = values["target_side"]
            meta["target_image"] = StoredImage(record, "target_image", values["key"]) if alone else None
        image = StoredImage(record, "image", values["key"])
        return Sample(values["key"], image, camera, stored_hands(record, camera), meta=meta)

    def ground_truth(self) -> GroundTruth:
        """Returns the source's labels as columns; K and pixels are of the stored pictures.

        A video is one camera of one recording, where the source's samples are frames of videos. ``labels``
        are there where masks were packed.
        """
        c = {name: column[self._ids] for name, column in self._columns.items()}
        inside, still = [text.split("\n") for text in c["in"].tolist()], self.name in _STILLS
        names = self._store.manifest.spec.recipe["source"]["subsets"]
        return GroundTruth(
            self.name,
            self.split,
            self.keys,
            c["recording"].tolist(),
            c["K"],
            {side: _truth(c["labels"][:, s], c["root_depth"][:, s]) for s, side in enumerate(SIDES)},
            hand_type=c["hand_type"].tolist(),
            hand_type_valid=c["typed"],
            subsets={name: np.array([name in own for own in inside]) for name in names},
            tips=self._store.manifest.spec.recipe["source"]["tips"],
            fingerprint=self.fingerprint,
            partial=self._partial,
            videos=() if still else self._videos(c),
            frames=None if still else np.asarray(c["frame"], dtype=np.int64),
            labels=self.read if self._store.manifest.spec.recipe["masks"] else None,
        )

    def _videos(self, c: Columns) -> Sequence[str]:
        pairs = zip(c["recording"].tolist(), c["camera"].tolist(), strict=True)
        return [f"{recording}/{camera}" for recording, camera in pairs]

    def summary(self) -> list[str]:
        """Returns what was resolved."""
        recipe = self._store.manifest.spec.recipe
        first, *rest = super().summary()
        size = f"{recipe['size']} px about {recipe['about']}, margin {recipe['margin']:.2f}"
        return [f"{first} (packed, {size}, digest {self.digest})", *rest]


def _truth(labels: FloatArray, root_depth: FloatArray) -> HandTruth:
    part = {name: labels[:, span].reshape(-1, *LAYOUT[name]) for name, span in SPANS.items()}

    def known(name: str) -> FloatArray | None:
        return part[name] if np.isfinite(part[name]).any() else None

    return HandTruth(
        part["joints"],
        np.asarray(np.isfinite(part["joints"]).all(axis=-1)),
        joints_2d=known("joints_2d"),
        visibility=known("visibility"),
        pose=known("pose"),
        betas=known("betas"),
        transl=known("transl"),
        box=known("box"),
        root_depth=root_depth if np.isfinite(root_depth).any() else None,
        occlusion=known("occlusion"),
    )


def open_packed(root: Path, options: PackedOptions) -> PackedDataset:
    """Opens a pack."""
    return PackedDataset(root)


LOADER = Loader(
    PackedOptions, open_packed, "handbench.loaders:howto/packed.md", "what `handbench data pack` wrote"
)
