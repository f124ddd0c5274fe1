from __future__ import annotations

import numpy as np
import pytest

from handbench import skeleton
from handbench.types import Side


def test_conversions_come_back() -> None:
    joints = np.random.default_rng(0).normal(size=(21, 3))
    for name in ("HO3D21", "INTERHAND21"):
        order = skeleton.ORDERS[name]
        there = joints[skeleton.OPENPOSE21.index_to(order)]
        np.testing.assert_array_equal(there[order.index_to(skeleton.OPENPOSE21)], joints)


def test_known_permutations() -> None:
    """Facts of the official code: vis_HO3D.py 44-49 (HO-3D to OpenPose), InterHand2.6M dataset.py 36."""
    ho3d = skeleton.HO3D21.index_to(skeleton.OPENPOSE21)
    assert ho3d.tolist() == [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
    interhand = skeleton.INTERHAND21.index_to(skeleton.OPENPOSE21)
    assert interhand.tolist() == [20, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16]
    assert skeleton.MANO16.parents == (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
    assert skeleton.INTERHAND42.names[41] == "left_wrist"
    assert len(skeleton.HIC28) == 28


def test_parents_form_trees() -> None:
    for order in skeleton.ORDERS.values():
        assert len(set(order.names)) == len(order)
        for joint in range(len(order)):
            seen = {joint}
            parent = order.parents[joint]
            while parent >= 0:
                assert parent not in seen
                seen.add(parent)
                parent = order.parents[parent]


def test_missing_joints_are_named() -> None:
    with pytest.raises(ValueError, match="thumb4"):
        skeleton.MANO16.index_to(skeleton.OPENPOSE21)
    with pytest.raises(ValueError, match="smplx"):
        skeleton.tip_vertices("mano", Side.RIGHT)


def test_bone_lengths_do_not_depend_on_the_order() -> None:
    joints = np.random.default_rng(0).normal(size=(4, 21, 3))
    ours = skeleton.bone_lengths(joints)
    theirs = skeleton.bone_lengths(joints[:, skeleton.OPENPOSE21.index_to(skeleton.HO3D21)], skeleton.HO3D21)
    np.testing.assert_allclose(np.sort(ours, axis=1), np.sort(theirs, axis=1))
