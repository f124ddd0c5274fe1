"""Checks of an installation, each with its remedy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from handbench.errors import HandbenchError
from handbench.provenance import collect


@dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: what was checked.
        ok: whether it works.
        words: what was found.
        remedy: what to do where it does not work.
        needed: whether handbench is unusable without it.
    """

    name: str
    ok: bool
    words: str
    remedy: str = ""
    needed: bool = True


def run_all() -> Iterator[Check]:
    """Runs the checks one after the other."""
    found = collect()
    yield Check(
        "handbench",
        True,
        f"{found.handbench}, Python {found.python}, {found.machine}, {found.cores} cores, {found.cpu_class}",
    )
    yield Check("packages", True, ", ".join(f"{name} {version}" for name, version in found.packages.items()))
    yield _hand_model()
    yield _raster()
    yield _pyrender()
    yield Check(
        "licensed data", True, "none needed; MANO: handbench hand convert MANO_DIR --out DIR", needed=False
    )


def _hand_model() -> Check:
    from handbench.hands import load_hand_model

    try:
        model = load_hand_model("procedural")
    except HandbenchError as error:
        return Check("procedural hand", False, str(error), "reinstall handbench")
    return Check("procedural hand", True, f"{len(model.v_template)} vertices, sha256 {model.sha256[:12]}")


def _raster() -> Check:
    from handbench.synth.renderers import make_renderer

    try:
        make_renderer("raster")
    except (HandbenchError, ImportError) as error:
        return Check("renderer raster", False, str(error), "reinstall numba and numpy from constraints.txt")
    return Check("renderer raster", True, "works without GL")


def _pyrender() -> Check:
    # A process of its own: a broken GL driver may end it.
    code = "from handbench.synth.renderers import make_renderer; print(make_renderer('pyrender').device())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Check("renderer pyrender", True, done.stdout.strip().splitlines()[-1], needed=False)
    words = (done.stderr.strip().splitlines() or ["no message"])[-1]
    remedy = "apt-get install libegl1 libegl-mesa0, or use --renderer raster"
    return Check("renderer pyrender", False, words, remedy, needed=False)
