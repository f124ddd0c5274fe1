"""What verification can say of an HO-3D tree beyond what fits every dataset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.datasets import Finding
from handbench.errors import BadSampleError
from handbench.formats.ho3d import IMAGE_SIZE
from handbench.formats.ho3d_released import VERTS, XYZ
from handbench.formats.images import image_size, read_bytes
from handbench.loaders.ho3d_index import SUFFIXES
from handbench.loaders.ho3d_truth import TIPS
from handbench.skeleton import HO3D21, OPENPOSE21, bone_lengths

if TYPE_CHECKING:
    from handbench.loaders.ho3d import Ho3d

MODEL_FITS, OUTLIER, ROOTS_DIFFER = 0.005, 0.005, 0.001
"""[m] A hand model is the data's where the median residual is below the first; a joint is an outlier beyond
the second; a released wrist contradicts the pickle's beyond the third."""

_HEADERS = 200


def audit(dataset: Ho3d) -> Iterator[Finding]:
    """Gives the findings of a split, from its columns and some headers of pictures."""
    yield from _files(dataset)
    yield from _gaps(dataset)
    yield from _colours(dataset)
    yield from _sizes(dataset)
    yield from _frame_and_unit(dataset)
    yield from _order(dataset)
    yield from _roots(dataset)
    yield from _model(dataset)


def _some(dataset: Ho3d, rows: IndexArray) -> str:
    shown = ", ".join("/".join(dataset.names[i]) for i in rows[:5].tolist())
    return shown + (" ..." if len(rows) > 5 else "")


def _files(dataset: Ho3d) -> Iterator[Finding]:
    columns, split = dataset.columns, dataset.split
    for line in dataset.coverage.missing:
        yield Finding("missing", f"{split}.txt", line, "is the download complete?")
    for name in (XYZ, VERTS) if split == "evaluation" else ():
        if not (dataset.root / name).is_file():
            what = "is not there: scores on this machine need it"
            yield Finding("missing", str(dataset.root / name), what, "handbench data howto ho3d tells where")
    for row in np.flatnonzero(columns["bad"]).tolist():
        try:
            dataset.read(row)
        except BadSampleError as error:
            yield Finding("fault", dataset.keys[row], error.message, error.hint)
    rows = np.flatnonzero(columns["depth"] == 0)
    if len(rows):
        what = f"no depth map for {len(rows):,} of {len(dataset):,} samples, first {_some(dataset, rows)}"
        yield Finding("missing", f"{split}/*/depth", what, "only needed where depth is used")


def _gaps(dataset: Ho3d) -> Iterator[Finding]:
    frames: dict[str, list[int]] = {}
    for sequence, frame in dataset.names:
        frames.setdefault(sequence, []).append(int(frame))
    gaps = {name: int((np.diff(np.sort(ids)) > 1).sum()) for name, ids in frames.items()}
    if any(gaps.values()):
        worst = max(gaps, key=lambda name: gaps[name])
        total = f"{sum(gaps.values()):,} gaps in the ids of {len(gaps)} sequences"
        what = f"{total}, most in {worst} ({gaps[worst]})"
        yield Finding("note", f"{dataset.split}.txt", what, "a frame before a gap has no previous one")


def _colours(dataset: Ho3d) -> Iterator[Finding]:
    columns = dataset.columns
    if not columns["seg"].any():
        yield Finding("note", dataset.split, "no segmentation: no visible masks", "")
    elif dataset.hand_colour is None:
        share = float(columns["seg_balance"][0])
        what = f"cannot tell hand from object in the segmentations (votes {share:+.2f}, -1 blue to 1 red)"
        yield Finding("fault", f"{dataset.split}/*/seg", what, "the samples carry no masks")
    else:
        what = f"the hand is {dataset.hand_colour} (votes {float(columns['seg_balance'][0]):+.2f})"
        yield Finding("note", f"{dataset.split}/*/seg", what)


def _sizes(dataset: Ho3d) -> Iterator[Finding]:
    """Looks at the pictures' names, and at the headers of up to 200 spread over the split."""
    codes = dataset.columns["rgb"]
    rows = np.flatnonzero(codes)
    wanted = ".png" if dataset.options.version == "v2" else ".jpg"
    others = np.flatnonzero((codes > 0) & (codes != SUFFIXES.index(wanted)))
    if len(others):
        official = f"{wanted} as in {dataset.options.version}"
        what = f"{len(others):,} pictures are no {official}, first {_some(dataset, others)}"
        other = "v3" if wanted == ".png" else "v2"
        yield Finding("note", f"{dataset.split}/*/rgb", what, f"is it version={other}?")
    for row in rows[:: max(1, len(rows) // _HEADERS)].tolist():
        try:
            path = dataset.image_path(row)
            found = image_size(read_bytes(path), str(path))
        except BadSampleError as error:
            yield Finding("fault", dataset.keys[row], error.message, error.hint)
            continue
        if found != IMAGE_SIZE:
            what = (
                f"the picture has {found[0]} x {found[1]} pixels, expected {IMAGE_SIZE[0]} x {IMAGE_SIZE[1]}"
            )
            yield Finding("fault", dataset.keys[row], what, "the intrinsics are those of the whole picture")


def _whole(dataset: Ho3d) -> tuple[FloatArray, IndexArray]:
    """Returns the joints (M, 21, 3) of the samples that have all of them, and their rows."""
    rows = np.flatnonzero(dataset.truth.valid.all(axis=1))
    return np.asarray(dataset.truth.joints[rows], dtype=np.float64), rows


def _frame_and_unit(dataset: Ho3d) -> Iterator[Finding]:
    wrists = np.asarray(dataset.truth.joints[:, 0], dtype=np.float64)
    behind = np.flatnonzero(wrists[:, 2] < 0)
    if len(behind):
        what = f"the hand is behind the camera in {len(behind):,} samples, first {_some(dataset, behind)}"
        hint = "HO-3D is in OpenGL's frame (z negative); these seem to be in OpenCV's"
        yield Finding("fault", "handJoints3D", what, hint)
    joints, _ = _whole(dataset)
    away = float(np.nanmedian(np.abs(wrists[:, 2]))) if np.isfinite(wrists).any() else 1.0
    if not len(joints) and not 0.05 < away < 10:
        what = f"the median wrist is {away:.3g} m from the camera, expected 0.05 to 10"
        yield Finding("fault", "handJoints3D", what, "millimetres?")
    if len(joints):
        length = float(np.median(bone_lengths(joints)))
        if not 0.005 < length < 0.2:
            hint = "millimetres?" if length > 0.2 else "kilometres or decimetres?"
            what = f"the median bone has {length:.3g} m, expected 0.005 to 0.2"
            yield Finding("fault", "handJoints3D", what, hint)


def _order(dataset: Ho3d) -> Iterator[Finding]:
    """A wrong joint order makes bones that jump across the hand."""
    joints, _ = _whole(dataset)
    if not len(joints):
        return
    raw = joints[:: max(1, len(joints) // 500)][:, OPENPOSE21.index_to(HO3D21)]
    lengths = {
        order.name: float(bone_lengths(raw, order).sum(axis=1).mean()) for order in (HO3D21, OPENPOSE21)
    }
    if lengths["OPENPOSE21"] < 0.8 * lengths["HO3D21"]:
        what = (
            f"the bones of a hand add up to {lengths['HO3D21']:.2f} m in HO-3D's joint order and to "
            f"{lengths['OPENPOSE21']:.2f} m in OPENPOSE21"
        )
        yield Finding("fault", "handJoints3D", what, "these joints seem to be in OPENPOSE21 already")


def _roots(dataset: Ho3d) -> Iterator[Finding]:
    """Compares the released wrist with the pickle's, where both are."""
    truth, pickled = dataset.truth, dataset.columns["joints"]
    if truth.joints is pickled:
        return
    apart = np.linalg.norm(truth.joints[:, 0] - pickled[:, 0], axis=1)
    rows = np.flatnonzero(apart > ROOTS_DIFFER)
    if len(rows):
        what = (
            f"the released wrist lies up to {1000 * apart[rows].max():.1f} mm from the pickle's in "
            f"{len(rows):,} samples, first {_some(dataset, rows)}"
        )
        hint = "is evaluation.txt of the same version, and in its own order?"
        yield Finding("fault", "evaluation_xyz.json", what, hint)


def _model(dataset: Ho3d) -> Iterator[Finding]:
    """Compares annotated joints with those of a hand model posed by the annotated parameters."""
    from handbench.hands import forward, load_hand_model

    columns = dataset.columns
    known = np.isfinite(columns["pose"]).all(axis=1) & dataset.truth.valid.all(axis=1)
    rows = np.flatnonzero(known)
    if not len(rows):
        return
    spec = dataset.options.hand_model or "procedural"
    model = load_hand_model(spec)

    def residuals(some: IndexArray) -> FloatArray:
        mesh = forward(model, columns["pose"][some], columns["betas"][some], columns["transl"][some], TIPS)
        return np.asarray(np.linalg.norm(mesh.joints21 - columns["joints"][some], axis=-1).max(axis=-1))

    median = float(np.median(residuals(rows[:: max(1, len(rows) // 64)])))
    if median > MODEL_FITS:
        what = f"not compared with joints: the {spec} hand is not the data's ({1000 * median:.1f} mm off)"
        if dataset.options.hand_model:
            yield Finding("fault", "handPose", what, "another model, pose mean or frame?")
        else:
            yield Finding("note", "handPose", what, "give hand_model=mano:DIR")
        return
    apart = np.concatenate([residuals(some) for some in np.array_split(rows, max(1, len(rows) // 512))])
    far = rows[apart > OUTLIER]
    median, most = 1000 * float(np.median(apart)), 1000 * float(apart.max())
    what = f"joints and parameters agree in the {spec} hand: median {median:.3f} mm, most {most:.1f}"
    if len(far):
        what += f"; {len(far):,} samples beyond {1000 * OUTLIER:.0f} mm, first {_some(dataset, far)}"
    yield Finding(
        "fault" if len(far) else "note", "handPose", what, "leave the outliers out" if len(far) else ""
    )
