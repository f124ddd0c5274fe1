"""``synth-aih --recipe both``: proportion, splits that share nothing, real frames, clear errors."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st

from handbench.cli.main import cli
from handbench.errors import HandbenchError
from handbench.store import Record, open_store
from handbench.synth.dataset_recipe import load_recipe
from handbench.synth.generate import SynthOptions, generate
from handbench.synth.mixed_record import rendered_scene
from handbench.synth.splits import FAMILIES, RIGS, SPLITS

KEYS = ("syn.photographs=24", "splits.val=0.2", "splits.test=0.2", "syn_share=0.6")
OPTIONS = SynthOptions("both", KEYS, seed=4, renderer="raster")
NUM = 200


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("both")
    generate(out, OPTIONS, NUM, workers=0, quiet=True)
    return out


@pytest.fixture(scope="module")
def records(dataset: Path) -> dict[str, list[Record]]:
    return {split: list(open_store(dataset / split)) for split in SPLITS}


@given(st.floats(0, 1), st.integers(1, 2000))
def test_the_proportion_holds_from_the_first_record_on(share: float, blocks: int) -> None:
    scenes = [rendered_scene(block, share) for block in range(blocks)]
    made = [scene for scene in scenes if scene is not None]
    assert made == list(range(len(made)))
    assert abs(len(made) - blocks * share) <= 1


def test_parts_and_numbers(records: dict[str, list[Record]]) -> None:
    assert sum(map(len, records.values())) == NUM
    for split, found in records.items():
        parts = [record.fields["part"] for record in found]
        assert abs(parts.count("render") - 0.4 * len(found)) <= 3, split
        scenes: dict[int, list[str]] = {}
        for record in found:
            scenes.setdefault(record.fields["scene_id"], []).append(record.fields["part"])
        assert all(len(set(kinds)) == 1 and len(kinds) <= 3 for kinds in scenes.values())
        for record in found:
            if record.fields["part"] == "syn":
                assert record.fields["kind"] == ("right", "left")[record.id % 2]


def test_nothing_crosses_from_split_to_split(dataset: Path, records: dict[str, list[Record]]) -> None:
    seen: dict[str, dict[str, set[Any]]] = {split: {} for split in SPLITS}
    for split, found in records.items():
        mine = seen[split]
        for record in found:
            source = record.fields["source"]
            if record.fields["part"] == "render":
                mine.setdefault("families", set()).add(source["background"])
                mine.setdefault("rigs", set()).add(source["lights"])
                continue
            for role in ("target", "other"):
                if source[role] is not None:
                    mine.setdefault("pictures", set()).add(
                        open_store(dataset / "cutouts" / split)[source[role]["cutout"]].checksum
                    )
        assert mine["families"] <= set(FAMILIES[split]) and mine["rigs"] <= set(RIGS[split])
    for one, two in combinations(SPLITS, 2):
        for what in ("families", "rigs", "pictures"):
            assert not seen[one][what] & seen[two][what]
        assert not set(FAMILIES[one]) & set(FAMILIES[two]) and not set(RIGS[one]) & set(RIGS[two])


def test_a_record_depends_on_its_id_alone(dataset: Path, tmp_path: Path) -> None:
    """Neither workers nor the number of samples nor where the cut-outs lie enter."""
    options = replace(OPTIONS, images=f"cutouts:{dataset}/cutouts")
    (report,) = generate(tmp_path, options, 3 * NUM, workers=2, quiet=True, split="train")
    assert report.run.manifest is not None and len(report.run.manifest.shards) == 2
    short = [record.checksum for record in open_store(dataset / "train")]
    assert [record.checksum for record in open_store(tmp_path / "train")][: len(short)] == short


def test_one_split_alone_is_the_same(dataset: Path, tmp_path: Path) -> None:
    (report,) = generate(tmp_path, OPTIONS, NUM, workers=0, quiet=True, split="val")
    assert report.run.manifest is not None
    assert report.run.manifest.digest == open_store(dataset / "val").manifest.digest
    assert not (tmp_path / "train").exists()


def test_a_table_holds_the_same_samples(
    dataset: Path, records: dict[str, list[Record]], tmp_path: Path
) -> None:
    table = SynthOptions("both", KEYS, seed=4, renderer="raster", keep="table")
    generate(tmp_path, table, NUM, workers=0, quiet=True, split="train")
    store = open_store(tmp_path / "train")
    assert store.manifest.spec.kind == "aih-table/1"
    for kept, whole in zip(store, records["train"], strict=True):
        if whole.fields["part"] == "render":
            assert kept.data == whole.data
        else:
            assert not kept.names
            assert json.dumps(kept.fields, default=_plain) == json.dumps(whole.fields, default=_plain)


def _plain(value: Any) -> Any:
    return [str(value.dtype), value.tolist()]


def test_both_ratios_and_depth_order_are_told(records: dict[str, list[Record]]) -> None:
    fronts = set()
    for record in records["train"]:
        fields = record.fields
        if fields["part"] != "syn" or fields["source"]["other"] is None:
            continue
        source, side = fields["source"], fields["target_side"]
        target, other = record.mask("target_amodal"), record.mask("other_amodal")
        both = (target & other).sum()
        assert source["overlap_target"] == pytest.approx(both / target.sum())
        assert source["overlap_other"] == pytest.approx(both / other.sum())
        low, high = source["overlap_asked"]
        assert low <= source["overlap_target"] < high
        front = side if fields["paste"]["target_front"] else {"right": "left", "left": "right"}[side]
        assert fields["depth_order"] == (front if both else "apart")
        fronts.add(fields["paste"]["target_front"])
        seen = record.mask("target_visible").sum()
        assert fields["occlusion"] == pytest.approx(1 - seen / target.sum())
    assert fronts == {True, False}


def test_real_frames(handbench: Run, real_frames: Path, tmp_path: Path) -> None:
    ref = f"interhand:{real_frames}"
    words = ("synth-aih", "--recipe", "both", "--images", ref, "--poses", ref, "--hand-model", "procedural",
             "--num", 120, "--renderer", "raster", "--out", tmp_path / "aih")  # fmt: skip
    done = handbench(*words)
    assert "2 people with pictures of a single hand, fewer than 4: all of it is train" in done.stderr
    store = open_store(tmp_path / "aih/train")
    assert len(store) == 120 and not (tmp_path / "aih/val").exists()
    kinds = {r.fields["source"]["poses"]["kind"] for r in store if r.fields["part"] == "render"}
    assert {"2/0266_dh_pray", "3/0390_dh_touchROM"} >= kinds - {"no hands"} and kinds - {"no hands"}
    people = {r.fields["source"]["target"]["person"] for r in store if r.fields["part"] == "syn"}
    assert people == {"subject 0", "subject 6"}
    assert handbench("data", "verify", tmp_path / "aih/train", "--deep").stdout.startswith("sound")
    assert "kept 120" in handbench(*words).stdout


def test_the_recipe_of_the_original() -> None:
    recipe = load_recipe("syn-original")
    assert recipe.syn.paste.mode == "hard" and recipe.syn.paste.mask == "truncated"  # type: ignore[union-attr]
    assert recipe.syn.overlap.over == "other" and recipe.syn.paste.p_target_front == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--images", "interhand:x"), "--images: the recipe 'render' pastes no photographs"),
        (("--keep", "table", "--split", "val"), "--keep and --split: the recipe 'render'"),
        (("--recipe", "both", "--split", "dev"), "--split dev: there is train, val, test"),
        (("--recipe", "both", "--shards", "0"), "add --split train"),
        (("--recipe", "both", "--images", "interhand:/no/where"), "no folder /no/where"),
        (("--recipe", "both", "--images", "cutouts:/no/where"), "no cut-outs in train, val or test"),
        (("--recipe", "bot"), "did you mean 'both'"),
        (("--recipe", "both", "--set", "syn.overlap.low=0.9"), "give low < high"),
        (("--recipe", "both", "--set", "syn.past.mode=hard"), "did you mean 'syn.paste'"),
        (("--recipe", "both", "--set", "render.view.occlusion.low=2"), "render.view.occlusion.low is 2"),
        (("--recipe", "both", "--set", "splits.shared_people=no"), "write drop or keep"),
        (("--recipe", "both", "--num", "4"), "--num 4 leaves nothing for"),
    ],
)  # fmt: skip
def test_errors_are_one_line(tmp_path: Path, words: tuple[str, ...], line: str) -> None:
    words = ("synth-aih", "--out", str(tmp_path / "x"), *words, "--renderer", "raster", "--quiet")
    with pytest.raises(HandbenchError) as caught:
        CliRunner().invoke(cli, words, catch_exceptions=False)
    assert line in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "x").exists(), "nothing was begun"


def test_cut_outs_of_one_side_only(real_frames: Path, tmp_path: Path) -> None:
    """A split without hands of both sides is left out; without any the run ends with one line."""
    options = SynthOptions("syn", images=f"interhand:{real_frames}@hand_type=left", renderer="raster")
    with pytest.raises(HandbenchError, match="no split has cut-outs of a right and of a left hand"):
        generate(tmp_path / "left", options, 10, workers=0, quiet=True)


def test_cut_outs_made_before(dataset: Path, tmp_path: Path) -> None:
    options = SynthOptions("syn", KEYS[1:3], images=f"cutouts:{dataset}/cutouts", renderer="raster")
    reports = generate(tmp_path / "syn", options, 30, workers=0, quiet=True)
    assert [report.split for report in reports] == list(SPLITS)
    assert (tmp_path / "syn/cutouts").resolve() == (dataset / "cutouts").resolve()
    original = replace(options, recipe="syn-original", overrides=())
    with pytest.raises(HandbenchError, match=r"was made with cutouts\.margin 32, the recipe asks for 0"):
        generate(tmp_path / "original", original, 30, workers=0, quiet=True)
    again = generate(tmp_path / "syn", options, 30, workers=0, quiet=True)
    assert [report.run.kept for report in again] == [len(open_store(tmp_path / "syn" / s)) for s in SPLITS]
