"""The recipe of a whole dataset: AIH_Syn and AIH_Render in a stated proportion, in splits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from handbench.config import build, load_toml, merge, parse_overrides
from handbench.errors import HandbenchError
from handbench.registry import nearest
from handbench.synth.recipe import AihRecipe, check_recipe
from handbench.synth.recipe_limits import check_limits
from handbench.synth.splits import SplitSettings
from handbench.synth.syn_recipe import SynRecipe

RECIPES = {
    "render": "aih_r1.toml",
    "syn": "aih_s1.toml",
    "both": "aih_both.toml",
    "syn-original": "aih_s0.toml",
}
"""What ``--recipe`` calls the recipes that ship."""


@dataclass(frozen=True)
class DatasetRecipe:
    """Keys of a dataset in splits.

    Attributes:
        name: the recipe's name.
        syn_share: share of the samples that are pasted; the others are rendered.
        splits: shares of the splits.
        syn: keys of AIH_Syn.
        render: keys of AIH_Render.
    """

    name: str = "aih-b1 (reconstructed)"
    syn_share: float = 22 / 29
    splits: SplitSettings = field(default_factory=SplitSettings)
    syn: SynRecipe = field(default_factory=SynRecipe)
    render: AihRecipe = field(default_factory=AihRecipe)


Recipe = AihRecipe | DatasetRecipe


def load_recipe(name: str, overrides: Iterable[str] = (), size: int | None = None) -> Recipe:
    """Loads a recipe that ships, or a TOML file, and changes single keys.

    Args:
        name: ``render``, ``syn``, ``both``, ``syn-original``, or a ``.toml`` file; ``base = "both"`` in it
            says that it has the keys of :class:`DatasetRecipe`.
        overrides: ``key=value`` each, dotted for sections.
        size: side of the pictures [px], of all parts.

    Raises:
        HandbenchError: for an unknown recipe, key (with the nearest known one) or a value out of range.
    """
    values = merge(load_toml(_path(name)), parse_overrides(overrides))
    base: Literal["render", "both"] = values.pop("base", "render")
    if base not in ("render", "both"):
        raise HandbenchError(f"base is {base!r}", "write 'render' or 'both'")
    if base == "render":
        return check_recipe(build(AihRecipe, values if size is None else merge(values, {"size": size})))
    if size is not None:
        values = merge(values, {"syn": {"size": size}, "render": {"size": size}})
    return check_dataset_recipe(build(DatasetRecipe, values))


def check_dataset_recipe(recipe: DatasetRecipe) -> DatasetRecipe:
    """Returns the recipe when its numbers and names make sense.

    Raises:
        HandbenchError: naming the key, its value and its range.
    """
    check_recipe(recipe.render, "render.")
    check_limits(recipe.syn, {}, "syn.")
    check_limits(recipe.splits, {}, "splits.")
    _within("syn_share", recipe.syn_share, 0, 1)
    overlap = recipe.syn.overlap
    if not overlap.low < overlap.high:
        raise HandbenchError(
            f"syn.overlap.low is {overlap.low:g}, high {overlap.high:g}", "give low < high, both 0 to 1"
        )
    if recipe.syn.size != recipe.render.size:
        raise HandbenchError(
            f"syn.size is {recipe.syn.size}, render.size {recipe.render.size}", "one size: --size"
        )
    if recipe.splits.shared_people not in ("drop", "keep"):
        raise HandbenchError(f"splits.shared_people is {recipe.splits.shared_people!r}", "write drop or keep")
    return recipe


def _within(key: str, value: Any, low: float, high: float) -> None:
    if not low <= value <= high:
        raise HandbenchError(f"{key} is {value}", f"give {low:g} to {high:g}")


def _path(name: str) -> Path:
    if name in RECIPES:
        return Path(__file__).parent / "recipes" / RECIPES[name]
    if not name.endswith(".toml"):
        raise HandbenchError(
            f"unknown recipe {name!r}", nearest(name, list(RECIPES)) + ", or give a .toml file"
        )
    return Path(name)
