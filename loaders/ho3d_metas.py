"""Reads many annotations of HO-3D into columns, in several processes where there are many.

Run as a module it is such a process: paths on standard input (NUL between them), the columns to the file
that is named, and on standard output now and then how many more are read.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.errors import BadSampleError
from handbench.formats.ho3d_meta import Ho3dMeta, read_meta

GOOD, EMPTY, DAMAGED = range(3)
"""What an annotation may be: usable, not annotated (every field None), not usable."""

Raw = Mapping[str, npt.NDArray[Any]]

_SHAPES: dict[str, tuple[int, ...]] = {
    "hand_joints": (21, 3), "cam_mat": (3, 3), "hand_pose": (48,), "hand_beta": (10,), "hand_trans": (3,),
    "obj_rot": (3,), "obj_trans": (3,), "obj_corners": (8, 3), "obj_corners_rest": (8, 3), "hand_box": (4,),
}  # fmt: skip
_PARALLEL_FROM, _MOST_WORKERS, _TICK = 8000, 8, 200


def read_metas(paths: Sequence[str], tick: Callable[[int], object]) -> Raw:
    """Reads annotations one after the other.

    Args:
        paths: N pickles.
        tick: called with the number of annotations read since the last call.

    Returns:
        ``state`` (N,); the fields of :class:`Ho3dMeta` by name, in HO-3D's own conventions, NaN where a
        file has none; ``obj_name`` and ``cam_ids`` (joined by commas) as text; ``contact`` (N,) how many
        vertices touch, -1 where unknown.
    """
    n = len(paths)
    values = {name: np.full((n, *shape), np.nan) for name, shape in _SHAPES.items()}
    state, contact = np.zeros(n, dtype=np.int8), np.full(n, -1, dtype=np.int32)
    names, cameras = [""] * n, [""] * n
    for i, path in enumerate(paths):
        meta: Ho3dMeta | None = None
        try:
            meta = read_meta(Path(path))
            state[i] = GOOD if meta is not None else EMPTY
        except BadSampleError:
            state[i] = DAMAGED
        if meta is not None:
            _fill(values, i, meta)
            names[i], cameras[i] = meta.obj_name, ",".join(meta.cam_ids)
            contact[i] = -1 if meta.vert_contact is None else int(meta.vert_contact.sum())
        if (i + 1) % _TICK == 0:
            tick(_TICK)
    tick(n % _TICK)
    texts = {"obj_name": np.array(names, dtype=np.str_), "cam_ids": np.array(cameras, dtype=np.str_)}
    return {**values, **texts, "state": state, "contact": contact}


def _fill(values: Mapping[str, npt.NDArray[Any]], i: int, meta: Ho3dMeta) -> None:
    for name, column in values.items():
        value = getattr(meta, name)
        if value is not None:
            # The wrist alone, (3,), is the first of 21 joints.
            row = column[i]
            row[: len(value) if value.ndim == row.ndim else 1] = value


def read_all(paths: Sequence[str], tick: Callable[[int], object], workers: int | None = None) -> Raw:
    """Reads annotations as :func:`read_metas`, many of them in several processes.

    The processes are fresh interpreters: nothing is forked, and no script needs a main guard. What one of
    them fails to do is done here.

    Args:
        paths: N pickles.
        tick: as for ``read_metas``; called from several threads, never at the same time.
        workers: how many processes; by default the free cores, 8 at most, and 1 below 8,000 paths.
    """
    if workers is None:
        free = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = min(free, _MOST_WORKERS) if len(paths) >= _PARALLEL_FROM else 1
    if workers < 2 or not sys.executable or len(paths) < workers:
        return read_metas(paths, tick)
    edges = np.linspace(0, len(paths), workers + 1).astype(int).tolist()
    shares = [paths[a:b] for a, b in itertools.pairwise(edges)]
    lock = Lock()

    def report(count: int) -> None:
        with lock:
            tick(count)

    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(lambda share: _elsewhere(share, report), shares))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _elsewhere(paths: Sequence[str], tick: Callable[[int], object]) -> Raw:
    """Reads annotations in a process of their own."""
    told = 0
    with tempfile.TemporaryDirectory(prefix="handbench-ho3d-") as folder:
        out = Path(folder) / "part.npz"
        command = [sys.executable, "-m", __spec__.name, str(out)]
        pipe = subprocess.PIPE
        try:
            with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, encoding="utf-8") as process:
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write("\0".join(paths))
                process.stdin.close()
                for line in process.stdout:
                    told += int(line)
                    tick(int(line))
            if process.returncode == 0:
                with np.load(out, allow_pickle=False) as file:
                    return {name: file[name] for name in file.files}
        except (OSError, ValueError):
            pass
    raw = read_metas(paths, lambda count: None)
    tick(len(paths) - told)
    return raw


def _main() -> None:
    paths = sys.stdin.read().split("\0")
    np.savez(sys.argv[1], allow_pickle=False, **read_metas(paths, lambda count: print(count, flush=True)))


if __name__ == "__main__":
    _main()
