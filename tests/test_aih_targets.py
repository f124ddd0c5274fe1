"""AIH's targets alone: the pictures, hands and columns of a dataset of single hands."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from aih_parts import KEYS

from handbench.datasets import DataRef, Dataset, load_dataset
from handbench.errors import HandbenchError
from handbench.inputs import MASKS, Inputs
from handbench.loaders import batches
from handbench.synth.generate import SynthOptions, generate
from handbench.types import Side


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both parts, small, with absent hands and pairs among them."""
    folder = tmp_path_factory.mktemp("aih")
    small = ("render.size=96", "syn.size=96", "render.p_absent=0.4")
    options = SynthOptions("both", (*KEYS, *small), seed=2, renderer="raster", keep="composites")
    generate(folder, options, 60, 0, quiet=True)
    return folder


@pytest.fixture(scope="module")
def whole(root: Path) -> Dataset:
    return load_dataset("aih", root, quiet=True)


@pytest.fixture(scope="module")
def targets(root: Path) -> Dataset:
    return DataRef.parse(f"aih:{root}@picture=target").open(quiet=True)


def test_each_target_stands_alone_in_its_own_picture(whole: Dataset, targets: Dataset) -> None:
    expected = [
        f"{sample.key}/target" for sample in whole
        if sample.meta["target_image"] is not None and sample.hand(Side(sample.meta["target_side"]))
    ]  # fmt: skip
    assert list(targets.keys) == expected and 0 < len(expected) < len(whole)
    for sample in targets:
        record = whole[whole.find(sample.key.removesuffix("/target"))]
        (hand,) = sample.hands
        before = record.hand(hand.side)
        assert before is not None and hand.side.value == record.meta["target_side"]
        np.testing.assert_array_equal(sample.image.read(), record.meta["target_image"].read())
        np.testing.assert_array_equal(hand.joints, before.joints)
        assert before.amodal_mask is not None and hand.visible_mask is not None
        np.testing.assert_array_equal(hand.visible_mask.read(), before.amodal_mask.read())
        assert hand.occlusion == 0 and hand.visibility is None
    hidden = [(whole[whole.find(key.removesuffix("/target"))].meta["occlusion"] or 0) for key in expected]
    assert max(hidden) > 0.3


def test_columns_equal_the_samples(targets: Dataset) -> None:
    truth = targets.ground_truth()
    for i, sample in enumerate(targets):
        (hand,) = sample.hands
        column, other = truth.hands[hand.side], truth.hands[hand.side.other]
        np.testing.assert_array_equal(column.joints[i], hand.joints)
        np.testing.assert_array_equal(column.joints_valid[i], hand.joints_valid)
        assert column.box is not None and other.box is not None and column.occlusion is not None
        np.testing.assert_array_equal(column.box[i], hand.box)
        assert column.occlusion[i] == 0 and column.visibility is None
        assert not other.joints_valid[i].any() and np.isnan(other.joints[i]).all()
        assert np.isnan(other.box[i]).all() and truth.hand_type[i] == hand.side.value
        assert truth.recordings[i] == sample.meta["recording"] and truth.keys[i] == sample.key
        assert truth.subsets[sample.meta["part"]][i]
    assert truth.subsets["syn"].any() and truth.subsets["render"].any()


def test_batches_show_the_hand_and_no_other(targets: Dataset, whole: Dataset) -> None:
    inputs = Inputs(scale=2.0, size=(64, 64), sides="both", mirror_left=True, masks=MASKS)
    loop = batches(pickle.loads(pickle.dumps(targets)), inputs, 8)
    assert loop.items == len(targets)
    for batch in loop:
        masks = batch.masks()
        assert (masks[:, 0] == masks[:, 1]).all() and masks[:, 0].flatten(1).any(dim=1).all()
        assert not masks[:, 2:].any()
        for b, key in enumerate(batch.keys):
            sample = targets[targets.find(key)]
            assert bool(batch.flipped[b]) == (sample.hands[0].side is Side.LEFT)


def test_data_without_targets_are_refused(root: Path) -> None:
    with pytest.raises(HandbenchError, match="no target alone among kind=pair"):
        load_dataset("aih", root, kind="pair", picture="target", quiet=True)
    with pytest.raises(HandbenchError, match="'picture' is 'other'"):
        load_dataset("aih", root, picture="other", quiet=True)
