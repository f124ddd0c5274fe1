"""The recipes of AIH_syn: which two crops are pasted, and how each is moved first.

``syn_cfgs/all_{branch}_annot_{split}_syn_cfgs.npy`` is an array of Python objects, which the official code
opens with ``allow_pickle``. Here its header is read as any ``.npy`` header and its payload by the restricted
reader: nothing of it runs.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.hands.pickles import load_object_array
from handbench.types import Side

NO_PARTNER = -1000
MAX_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Move:
    """How a crop is moved before it is pasted.

    Attributes:
        shift: (2,) of the box, in its own size; the content moves the opposite way.
        scale: of the box; above 1 the hand becomes smaller.
        degrees: of the box's rotation.
        gain: (3,) factor of each colour.
    """

    shift: tuple[float, float]
    scale: float
    degrees: float
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class PasteRecipe:
    """One sample of AIH_syn.

    Attributes:
        target: side of the hand that is kept (``loop_side``).
        target_row: its row in that side's filtered list.
        other_row: the covering hand's row in the other side's list; ``NO_PARTNER`` where none was found.
        target_move: of the target (``r_aug_list``: a left target is mirrored, and then counts as right).
        other_move: of the covering hand (``l_aug_list``); its shift is stored as used, already times 0.2.
        occlusion_rate: as the generator measured it: the share of the *covering* hand over the target.
    """

    target: Side
    target_row: int
    other_row: int
    target_move: Move
    other_move: Move
    occlusion_rate: float


def recipes_path(root: Path, branch: str, split: str) -> Path:
    """Returns the file with the recipes of a branch and split."""
    return root / "AIH_syn" / "syn_cfgs" / f"all_{branch}_annot_{split}_syn_cfgs.npy"


RECIPE_COLUMNS = 18
"""Numbers of one recipe, see :func:`recipe_of`."""


def read_recipe_table(path: Path) -> FloatArray:
    """Reads all recipes into an (N, 18) table: :func:`recipe_of` gives its rows.

    Raises:
        HandbenchError: when the file is missing, is no array of dictionaries, names anything that is not
            allowed, or an entry makes no sense, naming entry and key.
    """
    rows = [_row(f"{path}: recipe {i}", entry) for i, entry in enumerate(_entries(path))]
    return np.array(rows, dtype=np.float64).reshape(-1, RECIPE_COLUMNS)


def recipe_of(row: FloatArray) -> PasteRecipe:
    """Returns a row of the table as a recipe."""
    v = row.tolist()
    moves = [Move((v[k], v[k + 1]), v[k + 2], v[k + 3], (v[k + 4], v[k + 5], v[k + 6])) for k in (3, 10)]
    side = Side.RIGHT if v[0] == 0 else Side.LEFT
    return PasteRecipe(side, int(v[1]), int(v[2]), moves[0], moves[1], v[17])


def write_recipes(path: Path, recipes: Sequence[PasteRecipe]) -> None:
    """Writes recipes in the official form: an ``.npy`` of Python dictionaries."""
    entries = np.empty(len(recipes), dtype=object)
    for i, recipe in enumerate(recipes):
        entries[i] = {
            "loop_side": recipe.target.value,
            "loop_side_idx": recipe.target_row,
            "another_side_idx": recipe.other_row,
            "r_aug_list": _aug_list(recipe.target_move),
            "l_aug_list": _aug_list(recipe.other_move),
            "occlusion_rate": recipe.occlusion_rate,
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, entries, allow_pickle=True)


def _aug_list(move: Move) -> list[Any]:
    return [list(move.shift), move.scale, move.degrees, np.array(move.gain)]


def _entries(path: Path) -> Iterable[Any]:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise HandbenchError(f"{path}: {error.strerror or error}", "is the download complete?") from None
    if size > MAX_BYTES:
        raise HandbenchError(f"{path}: {size} bytes, more than the {MAX_BYTES} that recipes may have", "")
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
    except Exception as error:  # numpy parses a damaged header as Python: TokenError, SyntaxError ...
        raise HandbenchError(f"{path}: not an .npy file: {error}", "copy it again") from None
    if dtype != np.dtype(object):
        raise HandbenchError(f"{path}: an array of {dtype} {shape}, expected recipes (objects)", "")
    return load_object_array(data[file.tell() :], str(path))


def _row(where: str, entry: Any) -> list[float]:
    if not isinstance(entry, Mapping):
        raise HandbenchError(f"{where} is a {type(entry).__name__}, expected a dictionary", "")
    try:
        side = Side(entry["loop_side"])
        numbers = [_whole(entry[key]) for key in ("loop_side_idx", "another_side_idx")]
        moves = [value for key in ("r_aug_list", "l_aug_list") for value in _move(entry[key])]
        row = [float(side is Side.LEFT), *numbers, *moves, float(entry["occlusion_rate"])]
    except KeyError as error:
        raise HandbenchError(f"{where} has no {error}", "is it a file of recipes?") from None
    except (ValueError, TypeError) as error:
        raise HandbenchError(f"{where}: {error}", "the file is damaged: copy it again") from None
    if not np.isfinite(row).all() or row[5] <= 0 or row[12] <= 0:
        raise HandbenchError(f"{where}: a number is not finite, or a scale not above 0", "copy it again")
    return row


def _whole(value: Any) -> float:
    if int(value) != value:
        raise ValueError(f"{value!r} is no whole number")
    return float(value)


def _move(values: Any) -> list[float]:
    """Reads [translation[2], scale, degrees, colour[3]]; a fifth, whether it was flipped, is not used."""
    if not isinstance(values, Sequence | np.ndarray) or len(values) not in (4, 5):
        raise ValueError(f"an aug_list of {values!r}, expected [translation, scale, degrees, colour]")
    shift, scale, degrees, colour = values[:4]
    gain: npt.NDArray[np.float64] = np.broadcast_to(np.asarray(colour, np.float64), (3,))
    if len(shift) != 2:
        raise ValueError(f"a translation of {len(shift)} numbers, expected 2")
    return [*map(float, shift), float(scale), float(degrees), *gain.tolist()]
