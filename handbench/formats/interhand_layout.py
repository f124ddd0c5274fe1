"""Where InterHand2.6M's files are: v1.0, v0.0 (also mmpose's archive), whole or in shards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from handbench.errors import HandbenchError
from handbench.formats.interhand_write import MARK, PREFIX

SUBSET_FOLDERS = {"all": "all", "human": "human_annot", "machine": "machine_annot"}
"""Folders of the v0.0 layout."""


@dataclass(frozen=True)
class Files:
    """The files of one split; a tuple holds the shards of one kind, in order.

    Attributes:
        root: the folder with ``annotations`` and ``images``.
        version: ``v1.0`` or ``v0.0``.
        images: folder that ``file_name`` is relative to.
        data: images and annotations.
        camera: cameras.
        joints: 3D joints.
        mano: NeuralAnnot's parameters; empty where there are none.
        human_ids: list of the annotations that people made, or None.
        rootnet: boxes and root depths, or None.
        mark: which hand model a made tree's MANO records belong to, or None.
        texts: skeleton.txt and subject.txt, those that are there.
    """

    root: Path
    version: str
    images: Path
    data: tuple[Path, ...]
    camera: tuple[Path, ...]
    joints: tuple[Path, ...]
    mano: tuple[Path, ...]
    human_ids: Path | None
    rootnet: Path | None
    mark: Path | None
    texts: tuple[Path, ...]

    @property
    def all(self) -> tuple[Path, ...]:
        """Every file that the annotation is read from."""
        more = tuple(path for path in (self.human_ids, self.rootnet, self.mark) if path is not None)
        return self.data + self.camera + self.joints + self.mano + more


def find_files(root: Path, split: str, fps: int, subset: str) -> Files:
    """Finds a split's files.

    Args:
        root: the folder with ``annotations`` and ``images``, or the one above it that holds
            ``InterHand2.6M_5fps_batch1`` and the like.
        split: ``train``, ``val`` or ``test``.
        fps: 5 or 30; which of several trees, and which rootnet file.
        subset: ``all``, ``human`` or ``machine``; the v0.0 layout has a folder for each.

    Raises:
        HandbenchError: when there is no annotation of the split, naming what was looked for.
    """
    base = _base(root, fps)
    version, folder = "v1.0", base / "annotations" / split
    if not _find(folder, split, "data"):
        version, folder = "v0.0", base / "annotations" / SUBSET_FOLDERS[subset]
        machine = base / "annotations" / SUBSET_FOLDERS["machine"]
        if (split, subset) == ("val", "all") and not _find(folder, split, "data"):
            folder = machine  # people annotated nothing of val (issues 8 and 45)
    data, camera, joints = (_find(folder, split, kind) for kind in ("data", "camera", "joint_3d"))
    if not data:
        known = sorted(path.name for path in (base / "annotations").iterdir() if path.is_dir())
        raise HandbenchError(
            f"{base / 'annotations'}: no {split}/{PREFIX}_{split}_data.json (v1.0) and no "
            f"{SUBSET_FOLDERS[subset]}/{PREFIX}_{split}_data.json (v0.0)",
            f"folders there: {', '.join(known) or 'none'}",
        )
    for kind, found in (("camera", camera), ("joint_3d", joints)):
        if not found:
            raise HandbenchError(f"{folder}: no {PREFIX}_{split}_{kind}.json", "is the download complete?")
    ids = f"aid_human_annot_{split}.txt"
    rootnet = f"rootnet_interhand2.6m_output_{split}{'_30fps' if fps == 30 else ''}.json"
    annotations = base / "annotations"
    return Files(
        root=base,
        version=version,
        images=base / "images" / split,
        data=data,
        camera=camera,
        joints=joints,
        mano=_find(folder, split, "MANO_NeuralAnnot"),
        human_ids=_first(annotations / ids, folder / ids, base / ids),
        rootnet=_first(base / "rootnet_output" / rootnet, annotations / "rootnet_output" / rootnet,
                       folder / rootnet, base / rootnet),
        mark=_first(annotations / MARK),
        texts=tuple(path for name in ("skeleton.txt", "subject.txt")
                    if (path := _first(annotations / name, folder / name)) is not None),
    )  # fmt: skip


def splits_there(root: Path) -> list[str]:
    """Returns which of train, val and test have an annotation at or one folder below ``root``."""
    places = [place / "annotations" for place in (root, *sorted(root.iterdir())) if place.is_dir()]
    folders = [folder for place in places for folder in (place, *place.glob("*")) if folder.is_dir()]
    return [
        split
        for split in ("train", "val", "test")
        if any(folder.name == split or any(folder.glob(f"{PREFIX}_{split}_data*.json")) for folder in folders)
    ]


def _base(root: Path, fps: int) -> Path:
    places = [root, root / f"{fps}fps", *sorted(root.glob(f"InterHand2.6M_{fps}fps*"))]
    for place in places:
        if (place / "annotations").is_dir():
            return place
    raise HandbenchError(f"{root}: no folder 'annotations'", "handbench data howto interhand shows the tree")


def _find(folder: Path, split: str, kind: str) -> tuple[Path, ...]:
    """Returns the file of one kind, or its shards: ``data-001.json``, with or without the long name."""
    whole = folder / f"{PREFIX}_{split}_{kind}.json"
    if whole.is_file():
        return (whole,)
    if not folder.is_dir():
        return ()
    pattern = re.compile(rf"({re.escape(PREFIX)}_{split}_)?{kind}[-_]?(\d+)\.json")
    shards = [(int(found[2]), path) for path in folder.iterdir() if (found := pattern.fullmatch(path.name))]
    return tuple(path for _, path in sorted(shards))


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)
