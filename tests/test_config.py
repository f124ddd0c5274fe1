from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from handbench import config
from handbench.errors import HandbenchError
from handbench.provenance import collect
from handbench.registry import Registry
from handbench.seeding import rng_for


@dataclass(frozen=True)
class Blur:
    p: float = 0.3
    radius: tuple[float, float] = (0.0, 2.0)


@dataclass(frozen=True)
class Recipe:
    size: int = 256
    blur: Blur = field(default_factory=Blur)
    families: tuple[str, ...] = ()
    order: Literal["depth", "front"] = "depth"


def test_overrides_are_merged_typed_and_hashed(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("size = 128\n[blur]\np = 1\n")
    values = config.merge(
        config.load_toml(tmp_path / "a.toml"), config.parse_overrides(["blur.radius=[1, 3]", "order=front"])
    )
    built = config.build(Recipe, values)
    assert built == Recipe(128, Blur(1.0, (1.0, 3.0)), (), "front")
    assert config.build(Recipe, config.to_dict(built)) == built
    assert config.content_hash(config.to_dict(built)) != config.content_hash(config.to_dict(Recipe()))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sise": 3}, "did you mean 'size'"),
        ({"blur": {"radios": 1}}, "blur.radios.*did you mean 'blur.radius'"),
        ({"size": "big"}, "'size' takes a whole number, got 'big'"),
        ({"size": True}, "whole number"),
        ({"blur": {"radius": [1]}}, "2 values"),
        ({"order": "dept"}, "did you mean 'depth'"),
        ({"blur": 3}, "table of keys"),
    ],
)
def test_wrong_keys_and_values_get_one_line(values: dict[str, object], words: str) -> None:
    with pytest.raises(HandbenchError, match=words) as caught:
        config.build(Recipe, values)
    assert "\n" not in str(caught.value)


def test_toml_and_override_errors(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("size = \n")
    with pytest.raises(HandbenchError, match="line 1"):
        config.load_toml(tmp_path / "bad.toml")
    with pytest.raises(HandbenchError, match="no file"):
        config.load_toml(tmp_path / "none.toml")
    with pytest.raises(HandbenchError, match=r"section\.key=value"):
        config.parse_overrides(["size"])


def test_registry_is_lazy_and_names_the_nearest() -> None:
    registry: Registry[type] = Registry("renderer", "handbench.test")
    registry.register("raster", "no.such.module:X")
    registry.register("ordered", "collections:OrderedDict")
    assert registry.get("ordered").__name__ == "OrderedDict"
    with pytest.raises(HandbenchError, match="did you mean 'raster'"):
        registry.get("rastor")
    with pytest.raises(HandbenchError, match="both"):
        registry.register("raster", "elsewhere:Y")


def test_streams_depend_on_seed_and_keys_alone() -> None:
    def draw(seed: int, *keys: int | str) -> list[float]:
        return [float(x) for x in rng_for(seed, *keys).random(3)]

    assert draw(0, "scene", 7) == draw(0, "scene", 7)
    others = [draw(1, "scene", 7), draw(0, "scene", 8), draw(0, "pose", 7), draw(0, "scene", "7")]
    assert all(draw(0, "scene", 7) != other for other in others)


def test_provenance_says_what_ran() -> None:
    record = collect().to_dict()
    assert record["packages"]["numpy"] == np.__version__
    assert record["cores"] >= 1
