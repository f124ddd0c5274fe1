"""Imports go down only, and light packages stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
L0 = {
    "arrays", "cache", "types", "errors", "registry", "seeding", "progress", "config", "provenance",
    "skeleton", "camera", "geometry", "version", "datasets", "ground_truth", "inputs", "options", "subset",
    "moments", "predictions", "prediction_columns", "models", "model_names", "placing", "memory",
    "interrupts", "allocator",
}  # fmt: skip
L1 = {"hands", "formats", "store", "compose", "metrics"}
L2 = {"synth", "loaders", "baselines", "leaderboard"}
L3 = {
    "train",
    "predict",
    "evaluate",
    "submit",
    "show",
    "trust",
    "viewer",
    "demo",
    "doctor",
    "export",
    "score",
    "heldout",
}
LEVEL = {
    **dict.fromkeys(L0, 0),
    **dict.fromkeys(L1, 1),
    **dict.fromkeys(L2, 2),
    **dict.fromkeys(L3, 3),
    "cli": 4,
}


def part_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "handbench" else parts[0]


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "handbench"}


def source_files() -> list[Path]:
    folders = ("handbench", "synth", "loaders", "metrics", "baselines", "leaderboard")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_imports_go_down_only() -> None:
    wrong = []
    for path in source_files():
        part = part_of(path)
        if part == "__init__":
            continue
        for name in imports_of(path):
            words = name.split(".")
            target = words[1] if len(words) > 1 and words[1] in LEVEL else None
            if target is None or target == part:
                continue
            up = LEVEL[target] > LEVEL[part]
            across = LEVEL[target] == LEVEL[part] == 2
            if up or across:
                wrong.append(f"{path.relative_to(ROOT)} (L{LEVEL[part]}) imports {name} (L{LEVEL[target]})")
    assert not wrong, "\n".join(wrong)


def test_every_part_has_a_level() -> None:
    parts = {part_of(path) for path in source_files()} - {"__init__"}
    assert parts <= set(LEVEL), f"give these a level: {parts - set(LEVEL)}"


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("handbench", {"torch", "smplx", "pandas", "cv2", "numba", "scipy", "matplotlib"}),
        ("handbench.datasets", {"torch", "smplx", "pandas", "cv2", "numba", "scipy", "matplotlib"}),
        ("handbench.types", {"torch", "smplx", "pandas", "cv2", "numba", "scipy", "matplotlib"}),
        ("handbench.synth.generate", {"torch", "smplx", "handbench.loaders", "pandas", "matplotlib"}),
        ("handbench.cli.main", {"torch", "smplx", "pandas", "cv2", "numba", "numpy", "matplotlib"}),
    ],
)
def test_light_imports(module: str, banned: set[str]) -> None:
    code = f"import sys, {module}; print('\\n'.join(sys.modules))"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert not loaded & banned
    assert not loaded & {"synth", "loaders", "metrics", "baselines", "leaderboard"}
