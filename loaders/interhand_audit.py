"""What can be wrong with a copy of InterHand2.6M: files, counts, links between files, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handbench.datasets import Finding
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.images import decode_image, image_size, read_bytes
from handbench.formats.interhand import HAND_TYPES
from handbench.formats.interhand_texts import skeleton_difference
from handbench.formats.paths import inside
from handbench.loaders.interhand_checks import check_boxes, check_mano, check_validity
from handbench.loaders.interhand_known import KNOWN_FAULTS, OFFICIAL_COUNTS
from handbench.loaders.interhand_picture import BLACK
from handbench.loaders.interhand_presence import file_name

if TYPE_CHECKING:
    from handbench.loaders.interhand import InterHand

_SMALL = 6000
_PICTURES = 20_000
_ISSUES = "github.com/facebookresearch/InterHand2.6M/issues"


def audit(dataset: InterHand) -> Iterator[Finding]:
    """Gives the findings of one split, files first."""
    yield from _files(dataset)
    yield from _counts(dataset)
    yield from _links(dataset)
    yield from _known(dataset)
    yield from check_validity(dataset)
    yield from check_boxes(dataset)
    yield from check_mano(dataset)
    yield from _pictures(dataset)


def _files(dataset: InterHand) -> Iterator[Finding]:
    files, split = dataset.files, dataset.split
    folder = str(files.data[0].parent)
    names = {path.name for path in files.texts}
    for path in files.texts:
        if path.name == "skeleton.txt":
            yield from _skeleton(path)
    if not files.mano:
        yield Finding(
            "missing", folder, f"no InterHand2.6M_{split}_MANO_NeuralAnnot.json: no MANO parameters"
        )
    if "skeleton.txt" not in names:
        yield Finding("missing", folder, "no skeleton.txt; the order of joints is known without it")
    if "subject.txt" not in names:
        yield Finding("missing", folder, "no subject.txt; the subject of each picture is in the annotation")
    if files.rootnet is None:
        yield Finding(
            "missing", str(files.root), f"no RootNet output of {split}",
            "the official protocol takes boxes and root depths from it",
        )  # fmt: skip
    if files.version == "v1.0" and files.human_ids is None and split != "val":
        yield Finding(
            "missing", folder, f"no aid_human_annot_{split}.txt: human and machine cannot be told apart",
            "github.com/facebookresearch/InterWild has the lists",
        )  # fmt: skip
    lost = dataset.coverage.expected - dataset.coverage.present
    if lost:
        yield Finding("missing", str(files.images), f"{lost} of {dataset.coverage.expected} pictures")


def _skeleton(path: Path) -> Iterator[Finding]:
    try:
        difference = skeleton_difference(path)
    except HandbenchError as error:
        difference = error.message
    if difference:
        yield Finding("fault", str(path), difference, "the loader follows the official order")


def _counts(dataset: InterHand) -> Iterator[Finding]:
    """Compares single and interacting pictures with what is published; a made tree has no such number."""
    columns, options = dataset.columns, dataset.options
    official = OFFICIAL_COUNTS.get((dataset.files.version, dataset.split, options.subset))
    if official is None or dataset.files.mark is not None or options.fps != 5:
        return
    chosen = np.ones(len(columns["id"]), dtype=np.bool_)
    if options.subset != "all" and "human" in columns:
        if (dataset.split, options.subset) == ("train", "machine"):
            return
        chosen = columns["human"] == (options.subset == "human")
    both = int((columns["hand_type"][chosen] == HAND_TYPES.index("interacting")).sum())
    found = (int(chosen.sum()) - both, both, int(chosen.sum()))
    for name, here, there in zip(("single", "interacting", "all"), found, official, strict=True):
        if there is not None and here != there:
            where = f"{dataset.files.version} {dataset.split} {options.subset}"
            yield Finding("note", where, f"{here} annotations ({name}), officially {there} at 5 fps")


def _links(dataset: InterHand) -> Iterator[Finding]:
    columns, data = dataset.columns, str(dataset.files.data[0])
    lost, unused = (int(n) for n in columns["lost_counts"])
    if lost:
        yield Finding(
            "fault", data, f"{lost} annotations of no picture, first {_first(columns['lost_annotations'])}"
        )
    if unused:
        yield Finding(
            "note", data, f"{unused} pictures without annotation, first {_first(columns['unused_images'])}"
        )
    for name, path in (("camera_row", dataset.files.camera[0]), ("step", dataset.files.joints[0])):
        without = np.flatnonzero(columns[name] < 0)
        if len(without):
            what = "a camera" if name == "camera_row" else "3D joints"
            ids = _first(columns["id"][without])
            yield Finding("fault", str(path), f"{len(without)} annotations without {what}, first {ids}")
    if "human_strangers" in columns and columns["human_strangers"][0]:
        strangers, listed = (int(n) for n in columns["human_strangers"])
        yield Finding(
            "note", str(dataset.files.human_ids), f"{strangers} of {listed} ids are not in the annotation"
        )
    for row in columns["odd_row"].tolist():
        try:
            inside(
                dataset.files.images, file_name(columns, row), f"{data}: id {columns['id'][row]}: file_name"
            )
        except BadSampleError as error:
            yield Finding("fault", data, error.message, error.hint)


def _first(ids: np.typing.NDArray[np.integer]) -> str:
    return ", ".join(map(str, ids[:5].tolist()))


def _known(dataset: InterHand) -> Iterator[Finding]:
    """Names the published faults that concern pictures of this split."""
    columns = dataset.columns
    names, seqs = columns["camera_names"].astype(str), columns["seq_names"].astype(str)
    recording = columns["recording"]
    for fault in KNOWN_FAULTS:
        hit = np.full(len(recording), fault.split in ("", dataset.split))
        if fault.camera:
            hit &= (names == fault.camera)[columns["camera"]]
        if fault.capture >= 0:
            hit &= (columns["recording_capture"] == fault.capture)[recording]
        if fault.seq:
            hit &= np.char.startswith(seqs, fault.seq)[columns["recording_seq"]][recording]
        if fault.frame >= 0:
            hit &= columns["frame"] == fault.frame
        if hit.any() and dataset.files.mark is None:
            where = f"annotations {_first(columns['id'][hit])}"
            yield Finding(
                "note", where, f"{int(hit.sum())} pictures: {fault.what}", f"{_ISSUES}/{fault.issue}"
            )


def _pictures(dataset: InterHand) -> Iterator[Finding]:
    """Looks at headers and at small files (a black picture is small), of at most 20,000 pictures."""
    rows = dataset.rows[:: max(1, len(dataset.rows) // _PICTURES)]
    columns, black = dataset.columns, list[str]()
    wrong: dict[tuple[str, tuple[int, int], tuple[int, int]], int] = {}
    for row in rows.tolist():
        where = f"{dataset.files.data[0]}: file_name"
        try:
            path = inside(dataset.files.images, file_name(columns, row), where)
            small = path.stat().st_size < _SMALL
            with path.open("rb") as file:
                size = image_size(file.read(1 << 16), str(path))
            if small and decode_image(read_bytes(path), str(path)).max(initial=0) <= BLACK:
                black.append(str(path))
        except FileNotFoundError:
            continue
        except BadSampleError as error:
            yield Finding("fault", dataset.keys.prefix + str(columns["id"][row]), error.message, error.hint)
            continue
        stated = (int(columns["width"][row]), int(columns["height"][row]))
        if size != stated:
            camera = str(columns["camera_names"][columns["camera"][row]])
            wrong[camera, stated, size] = wrong.get((camera, stated, size), 0) + 1
    for (camera, stated, size), found in sorted(wrong.items()):
        what = f"{found} pictures are {size[0]} x {size[1]}, the annotation says {stated[0]} x {stated[1]}"
        yield Finding("note", f"camera {camera}", what, "the picture's own size is used (issue 157)")
    if black:
        yield Finding(
            "note", black[0], f"{len(black)} of {len(rows)} pictures looked at are all black",
            f"{_ISSUES}/134; skip_black=true refuses them",
        )  # fmt: skip
