"""InterHand2.6M's annotation as columns: one row a picture's annotation, tables of moments and cameras."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.formats.interhand_data import DataReader
from handbench.formats.interhand_layout import Files
from handbench.formats.interhand_steps import read_cameras, read_joints, read_mano, read_rootnet
from handbench.formats.interhand_texts import read_ids
from handbench.store.columns import Columns, cached_columns, content_fingerprint, stamp

SCHEMA = "interhand columns 1"
_LISTED = 1000

Array = npt.NDArray[Any]


def load_columns(files: Files) -> dict[str, Array]:
    """Returns the columns of a split, from the cache where they are there.

    A row is an annotation (N of them, in the files' order): ``id, box`` [px], ``valid`` (N, 42) as the
    annotation says, ``hand_type, hand_type_valid, subject, frame, width, height, camera, recording, folder``
    (codes) and ``camera_row, step, mano`` (rows of the tables below, -1: none). Tables: ``recording_*``,
    ``camera_*`` (metres), ``step_*`` (joints [m], world), ``mano_*`` (as NeuralAnnot writes them). Beside
    them ``human`` (N,) where there is an id list, ``root_box`` [px] and ``root_depth`` [m] where there is
    RootNet's output.

    Raises:
        HandbenchError: when a file is damaged.
    """
    main = files.data + files.camera + files.joints + files.mano
    key = stamp(main, SCHEMA)
    columns = dict(cached_columns("interhand", key, lambda: _build(files)))
    ids = columns["id"]
    for path, build in ((files.human_ids, _human), (files.rootnet, _rootnet)):
        if path is not None:
            extra = stamp((path,), SCHEMA, key)
            columns.update(cached_columns("interhand", extra, partial(build, path, ids)))
    return columns


def _build(files: Files) -> Columns:
    reader = DataReader()
    reader.read(files.data)
    images, rows = reader.images(), reader.annotations()
    if not rows or not len(rows["id"]):
        raise HandbenchError(f"{files.data[0]}: holds no annotation", "the file is damaged")
    for what, ids in (("images", images["id"]), ("annotations", rows["id"])):
        values, counts = np.unique(ids, return_counts=True)
        if (counts > 1).any():
            raise HandbenchError(
                f"{files.data[0]}: {what}: id {values[counts > 1][0]} is there twice",
                "are the same annotations in two shards?",
            )
    at = _find_rows(images["id"], rows["image_id"])
    lost = rows["id"][at < 0]
    unused = np.setdiff1d(images["id"], rows["image_id"])
    rows = {name: column[at >= 0] for name, column in rows.items()}
    at = at[at >= 0]
    columns = {
        **rows,
        **{name: images[name][at] for name in ("subject", "frame", "width", "height", "camera")},
        "lost_annotations": lost[:_LISTED],
        "unused_images": unused[:_LISTED],
        "lost_counts": np.array([len(lost), len(unused)]),
        "seq_names": _texts(reader.seqs),
        "camera_names": _texts(reader.cameras),
        "fingerprint": np.array(
            content_fingerprint(files.data + files.camera + files.joints + files.mano, files.root)
        ),
    }
    columns |= _recordings(images["capture"][at], images["seq"][at], columns)
    columns |= _odd_names(reader.odd_names, at, len(images["id"]))
    columns |= _tables(files, columns)
    return {**columns, **_tracks(columns)}


def _find_rows(ids: Array, wanted: Array) -> npt.NDArray[np.int64]:
    """Returns where each wanted value is in ``ids``, -1 where it is not."""
    if not len(ids):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
    found = order[place]
    return np.where(ids[found] == wanted, found, -1)


def _texts(names: Sequence[str]) -> Array:
    return np.array(names, dtype=np.str_) if names else np.zeros(0, "<U1")


def _recordings(capture: Array, seq: Array, columns: Columns) -> dict[str, Array]:
    """Numbers the recordings (capture, sequence) and the picture folders (recording, camera)."""
    pairs, recording = np.unique(capture.astype(np.int64) << 32 | seq, return_inverse=True)
    folders, folder = np.unique(
        recording.astype(np.int64) << 32 | columns["camera"].astype(np.int64), return_inverse=True
    )
    return {
        "capture": capture,
        "recording": recording.astype(np.int32),
        "recording_capture": (pairs >> 32).astype(np.int16),
        "recording_seq": (pairs & 0xFFFFFFFF).astype(np.int32),
        "folder": folder.astype(np.int32),
        "folder_recording": (folders >> 32).astype(np.int32),
        "folder_camera": (folders & 0xFFFFFFFF).astype(np.int32),
    }


def _odd_names(names: dict[int, str], at: Array, n_images: int) -> dict[str, Array]:
    """Keeps file names that do not follow the pattern: row, and place of its end in one run of bytes."""
    odd = np.zeros(n_images, dtype=np.bool_)
    odd[list(names)] = True
    rows = np.flatnonzero(odd[at])
    texts = [names[int(at[row])].encode() for row in rows]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    return {"odd_row": rows, "odd_end": ends, "odd_bytes": np.frombuffer(b"".join(texts), np.uint8)}


def _tables(files: Files, columns: Columns) -> dict[str, Array]:
    cameras, steps = read_cameras(files.camera), read_joints(files.joints)
    moments = columns["capture"].astype(np.int64) << 32 | columns["frame"]
    names = {name: code for code, name in enumerate(columns["camera_names"].tolist())}
    codes = np.array([names.get(name, -1) for name in cameras["name"].tolist()], dtype=np.int64)
    K = np.zeros((len(codes), 3, 3))
    K[:, [0, 1], [0, 1]], K[:, :2, 2], K[:, 2, 2] = cameras["focal"], cameras["centre"], 1.0
    wanted = columns["capture"].astype(np.int64) << 32 | columns["camera"]
    found = {
        "camera_row": _find_rows(cameras["capture"].astype(np.int64) << 32 | codes & 0xFFFFFFFF, wanted),
        "camera_R": cameras["R"],
        "camera_t": cameras["t"],
        "camera_K": K,
        "step": _find_rows(steps["capture"].astype(np.int64) << 32 | steps["frame"], moments),
        "step_world": steps["world"],
        "step_known": steps["known"],
    }
    mano = read_mano(files.mano) if files.mano else {}
    if mano and len(mano["frame"]):
        found["mano"] = _find_rows(mano["capture"].astype(np.int64) << 32 | mano["frame"], moments)
        found |= {f"mano_{name}": mano[name] for name in ("has", "pose", "shape", "trans")}
    return {
        name: column.astype(np.int32) if name in ("camera_row", "step", "mano") else column
        for name, column in found.items()
    }


def _tracks(columns: Columns) -> dict[str, Array]:
    """Sorts rows by (folder, frame), and finds the usual step between the frames of each recording."""
    key = columns["folder"].astype(np.int64) << 32 | columns["frame"]
    order = np.argsort(key, kind="stable")
    moments = np.unique(columns["recording"].astype(np.int64) << 32 | columns["frame"])
    steps, recording = np.diff(moments & 0xFFFFFFFF), moments >> 32
    pairs, counts = np.unique(
        (recording[1:] << 32 | steps)[recording[1:] == recording[:-1]], return_counts=True
    )
    usual = np.ones(len(columns["recording_seq"]), dtype=np.int32)
    # Rising counts: what is met most often is written last.
    rising = np.argsort(counts, kind="stable")
    usual[(pairs >> 32)[rising]] = (pairs & 0xFFFFFFFF)[rising]
    return {"track_key": key[order], "track_row": order.astype(np.int32), "recording_step": usual}


def _human(path: Path, ids: Array) -> Columns:
    listed = read_ids(path)
    strangers = len(np.setdiff1d(listed, ids))
    return {"human": np.isin(ids, listed), "human_strangers": np.array([strangers, len(listed)])}


def _rootnet(path: Path, ids: Array) -> Columns:
    output = read_rootnet(path)
    box, depth = np.full((len(ids), 4), np.nan), np.full((len(ids), 2), np.nan)
    if output:
        at = _find_rows(output["id"], ids)
        box[at >= 0], depth[at >= 0] = output["box"][at[at >= 0]], output["depth"][at[at >= 0]]
    return {"root_box": box, "root_depth": depth}
