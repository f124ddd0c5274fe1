"""AIH_syn's recipes, pickled Python objects that are read without running them; the masks HDRNet is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from handbench.errors import HandbenchError
from handbench.formats.aih_plain import official_masks
from handbench.formats.aih_plain_recipes import Move, PasteRecipe, read_recipe_table, recipe_of, write_recipes
from handbench.types import Side


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("this ran",)


def objects(*items: Any) -> npt.NDArray[np.object_]:
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


GOOD: dict[str, Any] = {
    "loop_side": "right", "loop_side_idx": 0, "another_side_idx": 0, "occlusion_rate": 0.1,
    "r_aug_list": [[0.1, 0.0], 1.0, 0, np.ones(3)],
    "l_aug_list": [np.zeros(2), np.float64(1.0), 3.0, np.ones(3), False],
}  # fmt: skip


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (objects(GOOD, Evil()), "names builtins.print, which is refused"),
        (objects({**GOOD, "note": Evil()}), "names builtins.print, which is refused"),
        (objects(GOOD, 3), "recipe 1 is a int, expected a dictionary"),
        (objects({"loop_side": "right"}), "recipe 0 has no 'loop_side_idx'"),
        (objects({**GOOD, "loop_side": "middle"}), "'middle' is not a valid Side"),
        (objects({**GOOD, "loop_side_idx": 1.5}), "1.5 is no whole number"),
        (objects({**GOOD, "l_aug_list": [1, 2]}), "expected \\[translation, scale"),
        (objects({**GOOD, "r_aug_list": [[0.0], 1.0, 0, 1.0]}), "a translation of 1 numbers"),
        (objects({**GOOD, "r_aug_list": [[0.0, 0.0], -1.0, 0, 1.0]}), "a scale not above 0"),
        (objects({**GOOD, "occlusion_rate": float("nan")}), "not finite"),
        (np.zeros(3), "an array of float64 \\(3,\\), expected recipes"),
    ],
)
def test_recipes_are_read_without_running_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], array: npt.NDArray[Any], word: str
) -> None:
    path = tmp_path / "cfgs.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(HandbenchError, match=word) as error:
        read_recipe_table(path)
    assert "cfgs.npy" in str(error.value) and capsys.readouterr().out == ""


def test_recipes_come_back_equal(tmp_path: Path) -> None:
    moves = Move((0.1, -0.05), 1.2, -31.5, (0.9, 1.0, 1.1)), Move((0.02, 0.0), 0.8, 0.0)
    recipes = [PasteRecipe(side, 3, 17, *moves, 0.25) for side in Side]
    write_recipes(tmp_path / "a.npy", recipes)
    assert [recipe_of(row) for row in read_recipe_table(tmp_path / "a.npy")] == recipes
    np.save(tmp_path / "b.npy", np.array([GOOD, {**GOOD, "another_side_idx": -1000}]), allow_pickle=True)
    assert recipe_of(read_recipe_table(tmp_path / "b.npy")[1]).other_row == -1000
    holder = np.empty((), dtype=object)
    holder[()] = [GOOD]  # a list saved as one object
    np.save(tmp_path / "c.npy", holder, allow_pickle=True)
    assert len(read_recipe_table(tmp_path / "c.npy")) == 1
    np.save(tmp_path / "d.npy", np.empty((2, 2), dtype=object), allow_pickle=True)
    with pytest.raises(HandbenchError, match="array of shape"):
        read_recipe_table(tmp_path / "d.npy")
    (tmp_path / "e.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:400])
    with pytest.raises(HandbenchError, match=r"e\.npy"):
        read_recipe_table(tmp_path / "e.npy")
    (tmp_path / "h.npy").write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': (((((((")
    with pytest.raises(HandbenchError, match=r"h\.npy: not an \.npy file"):
        read_recipe_table(tmp_path / "h.npy")
    (tmp_path / "f.npy").write_bytes(b"hello")
    with pytest.raises(HandbenchError, match=r"not an \.npy file"):
        read_recipe_table(tmp_path / "f.npy")
    with pytest.raises(HandbenchError, match="No such file"):
        read_recipe_table(tmp_path / "g.npy")


def test_official_masks_are_the_stated_ones() -> None:
    whole = np.array([[1, 1, 0, 0]], dtype=bool)
    seen, other = np.array([[1, 0, 0, 0]], dtype=bool), np.array([[0, 1, 1, 0]], dtype=bool)
    found = {name: mask.tolist() for name, mask in official_masks(whole, seen, other).items()}
    assert found == {
        "r_invisible": [[0, 1, 0, 0]], "r_visible": [[1, 0, 1, 1]], "r_modal": [[1, 0, 0, 0]],
        "l_invisible": [[0, 0, 1, 0]], "l_visible": [[1, 1, 0, 1]], "l_modal": [[0, 0, 0, 1]],
    }  # fmt: skip
