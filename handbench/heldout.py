"""The held-out sets that ``evaluate`` takes where no data are named: made once, in the user's cache.

``ho3d``: ten takes of a hand with an object, two of each stratum, from a fixed recipe. It shares no person,
object, grasp, surface or light with anything that ``synth-ho3d`` makes for training. ``aih``: the test split
of a seed of its own, so no person, picture or family of backgrounds is one that training has seen. They are
smoke tests and first comparisons; the benchmark proper is larger.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from handbench.cache import cache_folder
from handbench.datasets import DataRef
from handbench.provenance import cpu_class

NAME, AIH_NAME = "heldout-v1", "heldout-aih-v1"
TAKES, FRAMES, SEED = 10, 60, 20_261_127
RECORDS, AIH_SEED = 4000, 20_261_128
"""Of all splits together: the test split has a tenth."""

FINGERPRINTS: dict[str, str] = {
    "ho3d avx512": "b24004ecea086e9eae8a5d43e758a012",
    "aih avx512": "5abfbf2ea87939cf66b12fb6db144e71",
}
"""Of their annotation, by class of processor: results are bit-identical within one (design section 5)."""


def heldout(kind: str = "ho3d", workers: int = 1, quiet: bool = False) -> DataRef:
    """Returns the reference of a held-out set, made where it is not there: about a minute.

    With the cache off it is made in a temporary folder every time.

    Args:
        kind: ``ho3d``, 600 pictures of a hand with an object; ``aih``, 400 of two hands that hide each other.
        workers: processes that make it.
        quiet: say nothing.
    """
    aih = kind == "aih"
    cache = cache_folder("heldout")
    name = AIH_NAME if aih else NAME
    folder = Path(tempfile.mkdtemp(prefix="handbench-heldout-")) if cache is None else cache / name
    split = "test" if aih else "evaluation"
    options = {"split": split} if aih else {"version": "v3", "split": split}
    ref = DataRef(kind, str(folder), options)
    if not (folder / ("test/manifest.json" if aih else "evaluation_verts.json")).is_file():
        if not quiet:
            print(f"making the held-out set, once: {folder}", file=sys.stderr, flush=True)
        (_make_aih if aih else _make_ho3d)(folder, workers, quiet)
    expected = FINGERPRINTS.get(f"{kind} {cpu_class()}")
    found = ref.open(quiet=True).fingerprint
    if expected and found != expected:
        print(
            f"the held-out set in {folder} is not the published one ({found[:8]}, expected {expected[:8]}):"
            " remove it, and check that the versions of constraints.txt are installed",
            file=sys.stderr,
        )
    return ref


def _make_ho3d(folder: Path, workers: int, quiet: bool) -> None:
    from handbench.synth.ho3d import Ho3dSynthOptions, generate_ho3d

    options = Ho3dSynthOptions(
        version="v3", takes=0, eval_takes=TAKES, frames=FRAMES, cameras=1, seed=SEED, flow=False,
        overrides=("missing=0",),
    )  # fmt: skip
    generate_ho3d(folder, options, workers, "resume", quiet=quiet)


def _make_aih(folder: Path, workers: int, quiet: bool) -> None:
    from handbench.synth.generate import SynthOptions, generate

    options = SynthOptions("both", seed=AIH_SEED, renderer="raster")
    generate(folder, options, RECORDS, workers, quiet=quiet, split="test")
