"""Reads MANO's files, pickle or ``.npz``, into plain arrays, and converts the one into the other."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.hands.model import HandModel, model_from_arrays
from handbench.hands.pickles import MANO_NAMES, load_restricted
from handbench.hands.topology import has_unmirrored_shapes
from handbench.types import Side

MAX_BYTES = 100_000_000
_KEPT_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table", "J",
              "hands_mean", "hands_components", "hands_coeffs")  # fmt: skip

Arrays = dict[str, npt.NDArray[np.generic]]


def file_sha256(path: Path) -> str:
    """Returns the sha256 of a file as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_mano_file(folder: str | Path, side: Side, kinds: tuple[str, ...] = ("npz", "pkl")) -> Path:
    """Returns the path of ``MANO_RIGHT`` or ``MANO_LEFT`` in a folder, or in ``mano`` or ``models`` below it.

    Raises:
        HandbenchError: when there is none, naming the folder and the file.
    """
    folder = Path(folder)
    stem = f"MANO_{side.value.upper()}"
    for kind in kinds:
        for place in (folder, folder / "mano", folder / "models"):
            if (place / f"{stem}.{kind}").is_file():
                return place / f"{stem}.{kind}"
    names = " or ".join(f"{stem}.{kind}" for kind in kinds)
    if (folder / f"{stem}.npz").is_file():
        raise HandbenchError(f"{folder} holds no {names}", f"but {stem}.npz: it is converted already")
    raise HandbenchError(
        f"{folder} holds no {names}",
        "MANO comes from https://mano.is.tue.mpg.de after registration; the procedural hand needs no file",
    )


def read_arrays(path: Path) -> Arrays:
    """Reads the arrays of a MANO ``.npz`` or ``.pkl`` file; a pickle only through the restricted reader.

    Raises:
        HandbenchError: when the file is too large, damaged, refused or holds objects.
    """
    if path.stat().st_size > MAX_BYTES:
        raise HandbenchError(f"{path}: {path.stat().st_size} bytes, more than the {MAX_BYTES} of a MANO file")
    if path.suffix == ".npz":
        return _read_npz(path)
    content = load_restricted(path, allow=MANO_NAMES, max_bytes=MAX_BYTES)
    if not isinstance(content, dict):
        raise HandbenchError(f"{path}: holds a {type(content).__name__}, expected a dictionary of arrays")
    return {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, np.ndarray)}


def load_mano(folder: str | Path, side: Side, left_shapedirs: str = "fix") -> HandModel:
    """Loads one of MANO's hands from a folder that holds ``MANO_RIGHT.npz`` or ``.pkl``, or ``MANO_LEFT``.

    Raises:
        HandbenchError: when the file is missing, damaged or of the other hand.
    """
    return load_mano_file(find_mano_file(folder, side), side, left_shapedirs)


def load_mano_file(path: Path, side: Side, left_shapedirs: str = "fix") -> HandModel:
    """Loads a MANO file as the side it claims to be.

    Args:
        path: ``.npz`` or ``.pkl``.
        side: which hand.
        left_shapedirs: ``fix`` mirrors the left hand's shape directions where the file has the right
            hand's (smplx issue 48; InterHand2.6M's fits assume it), ``keep`` leaves them (DexYCB's fits).

    Raises:
        HandbenchError: when the file is damaged or of the other hand.
    """
    if left_shapedirs not in ("fix", "keep"):
        raise HandbenchError(f"left_shapedirs is {left_shapedirs!r}, expected 'fix' or 'keep'")
    arrays = read_arrays(path)
    sha256 = str(arrays["source_sha256"]) if "source_sha256" in arrays else file_sha256(path)
    model = model_from_arrays(arrays, "mano", side, sha256, str(path))
    if side is Side.LEFT and "left_shapedirs" not in arrays and _left_is_unmirrored(model, path):
        model = replace(model, left_shapedirs="kept")
    return model.with_left_shapedirs(left_shapedirs)


def convert_mano(folder: str | Path, side: Side, out: str | Path, left_shapedirs: str = "fix") -> Path:
    """Converts a MANO pickle into ``out/MANO_{SIDE}.npz``, which loads anywhere without pickle or chumpy.

    The file also records ``source_sha256`` (of the pickle) and ``left_shapedirs``; smplx loads it as it is.

    Returns:
        The path of the new file.

    Raises:
        HandbenchError: when the pickle is missing, refused, damaged or of the other hand, or ``out`` cannot
            be written.
    """
    path = find_mano_file(folder, side, ("pkl",))
    model = load_mano_file(path, side, left_shapedirs)
    arrays = {key: value for key, value in read_arrays(path).items() if key in _KEPT_KEYS}
    arrays["shapedirs"] = model.shapedirs
    arrays["left_shapedirs"] = np.array(model.left_shapedirs)
    arrays["source_sha256"] = np.array(model.sha256)
    target = Path(out) / f"MANO_{side.value.upper()}.npz"
    temporary = target.with_suffix(".npz.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        temporary.replace(target)
    except OSError as error:
        raise HandbenchError(f"{target} cannot be written: {error.strerror or error}") from None
    return target


def _left_is_unmirrored(model: HandModel, path: Path) -> bool:
    """Tells whether a left model carries the right hand's shapes, comparing where the right file is near."""
    right = path.with_name(path.name.replace("LEFT", "RIGHT"))
    if right == path or not right.is_file():
        return has_unmirrored_shapes(model.v_template, model.shapedirs)
    other = model_from_arrays(read_arrays(right), "mano", Side.RIGHT, "", str(right))
    return has_unmirrored_shapes(model.v_template, model.shapedirs, other.shapedirs)


def _read_npz(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise HandbenchError(f"{path}: not a readable .npz of plain arrays: {error}") from None
