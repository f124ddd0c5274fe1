"""MANO's pickles, made byte by byte as chumpy and Python 2 wrote them, and pickles that mean harm."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from click.testing import CliRunner

from handbench.cli.hand import hand
from handbench.errors import HandbenchError
from handbench.hands.library import ASSETS
from handbench.hands.mano import convert_mano, file_sha256, load_mano, read_arrays
from handbench.hands.pickles import HO3D_NAMES, MANO_NAMES, load_restricted
from handbench.types import Side

# The pickler written in Python, which lets a subclass write other bytes; typeshed knows little of it.
_Pickler: Any = pickle._Pickler


class Python2Pickler(_Pickler):  # type: ignore[misc]
    """Writes protocol 2 with Python 2's names: raw byte strings, numpy.core, scipy.sparse.csc."""

    def save_bytes(self, obj: bytes) -> None:
        self.write(pickle.BINSTRING + struct.pack("<i", len(obj)) + obj)

    def save_str(self, obj: str) -> None:
        self.save_bytes(obj.encode("latin1"))

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module, name = obj.__module__, name or obj.__qualname__
        module = {"numpy._core.multiarray": "numpy.core.multiarray", "builtins": "__builtin__"}.get(
            module, module
        )
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(obj)

    dispatch: ClassVar[dict[type, Any]] = {
        **_Pickler.dispatch,
        bytes: save_bytes,
        str: save_str,
        type: save_global,
        types.FunctionType: save_global,
        types.BuiltinFunctionType: save_global,
    }


@pytest.fixture
def chumpy() -> Iterator[types.SimpleNamespace]:
    """Modules with the names that MANO's pickles use, there only while a pickle is written."""
    classes = {}
    for module, name in (
        ("chumpy.ch", "Ch"),
        ("chumpy.reordering", "Select"),
        ("scipy.sparse.csc", "csc_matrix"),
    ):
        classes[name] = type(name, (), {"__module__": module})
    yield types.SimpleNamespace(**classes)
    assert "chumpy" not in sys.modules


def with_state(kind: type, **state: Any) -> Any:
    thing = kind()
    vars(thing).update(state)
    return thing


def write_mano(path: Path, arrays: dict[str, Any], chumpy: types.SimpleNamespace) -> None:
    """Writes the arrays as MANO_{SIDE}.pkl holds them."""
    content = dict(arrays)
    template, shapedirs = (np.asarray(arrays[k], float) for k in ("v_template", "shapedirs"))
    wide = np.concatenate([shapedirs, np.full((778, 3, 10), 7.0)], axis=2)
    index = np.arange(wide.size).reshape(wide.shape)[:, :, :10].ravel()
    source = with_state(chumpy.Ch, x=wide, _dirty_vars=set(), _itr=None)
    content["shapedirs"] = with_state(chumpy.Select, a=source, idxs=index, preferred_shape=(778, 3, 10))
    content["v_template"] = np.asfortranarray(template)
    regressor = np.asarray(arrays["J_regressor"], float)
    starts = np.concatenate([[0], np.cumsum((regressor != 0).sum(axis=0))]).astype(np.int32)
    columns, rows = np.nonzero(regressor.T)
    content["J_regressor"] = with_state(
        chumpy.csc_matrix, _shape=(16, 778), maxprint=50, data=regressor[rows, columns],
        indices=rows.astype(np.int32), indptr=starts,
    )  # fmt: skip
    content["bs_style"], content["bs_type"] = "lbs", "lrotmin"
    buffer = io.BytesIO()
    Python2Pickler(buffer, protocol=2).dump(content)
    path.write_bytes(buffer.getvalue())


def mano_arrays(side: Side) -> dict[str, Any]:
    arrays: dict[str, Any] = dict(read_arrays(ASSETS / f"MANO_{side.value.upper()}.npz"))
    rng = np.random.default_rng(5)
    shapes = rng.normal(scale=1e-3, size=(778, 3, 10))
    template = np.asarray(arrays["v_template"], float)
    mirror = np.array([1.0 if side is Side.RIGHT else -1.0, 1, 1])
    # As in MANO, one of the directions changes the size.
    shapes[:, :, 0] += 0.04 * (template - template.mean(axis=0)) * mirror
    arrays["shapedirs"] = shapes * mirror[:, None]
    arrays["kintree_table"] = np.array([[2**32 - 1, *range(15)], range(16)], dtype=np.uint32)
    return arrays


def test_a_mano_pickle_gives_the_model_it_was_made_from(
    tmp_path: Path, chumpy: types.SimpleNamespace
) -> None:
    for side in Side:
        write_mano(tmp_path / f"MANO_{side.value.upper()}.pkl", mano_arrays(side), chumpy)
    data = (tmp_path / "MANO_RIGHT.pkl").read_bytes()
    names = {arg for op, arg, _ in pickletools.genops(data) if op.name == "GLOBAL"}
    assert {"chumpy.ch Ch", "chumpy.reordering Select", "scipy.sparse.csc csc_matrix", "__builtin__ set",
            "numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"} == names  # fmt: skip
    out = tmp_path / "out"
    for side in Side:
        model = load_mano(tmp_path, side)
        expected = mano_arrays(side)
        for key, value in (("v_template", model.v_template), ("shapedirs", model.shapedirs),
                           ("J_regressor", model.J_regressor), ("weights", model.weights)):  # fmt: skip
            np.testing.assert_array_equal(value, expected[key])
        path = convert_mano(tmp_path, side, out)
        converted = load_mano(out, side)
        np.testing.assert_array_equal(converted.shapedirs, model.shapedirs)
        np.testing.assert_array_equal(converted.posedirs, model.posedirs)
        assert converted.sha256 == model.sha256 == file_sha256(tmp_path / f"MANO_{side.value.upper()}.pkl")
        with np.load(path, allow_pickle=False) as archive:
            assert archive["f"].dtype.kind in "iu" and str(archive["left_shapedirs"]) == "mirrored"


@pytest.mark.parametrize("with_right", [True, False])
def test_the_left_hands_shape_directions(
    tmp_path: Path, chumpy: types.SimpleNamespace, with_right: bool
) -> None:
    left = mano_arrays(Side.LEFT)
    good = np.asarray(left["shapedirs"], float)
    left["shapedirs"] = good * np.array([[-1.0], [1], [1]])
    write_mano(tmp_path / "MANO_LEFT.pkl", left, chumpy)
    if with_right:
        write_mano(tmp_path / "MANO_RIGHT.pkl", mano_arrays(Side.RIGHT), chumpy)
    fixed, kept = (load_mano(tmp_path, Side.LEFT, option) for option in ("fix", "keep"))
    assert (fixed.left_shapedirs, kept.left_shapedirs) == ("fixed", "kept")
    np.testing.assert_array_equal(fixed.shapedirs, good)
    np.testing.assert_array_equal(kept.shapedirs, left["shapedirs"])
    convert_mano(tmp_path, Side.LEFT, tmp_path / "out")
    assert load_mano(tmp_path / "out", Side.LEFT).left_shapedirs == "fixed"
    np.testing.assert_array_equal(load_mano(tmp_path / "out", Side.LEFT, "keep").shapedirs, kept.shapedirs)


def test_the_command_converts_what_is_there_and_refuses_the_rest(
    tmp_path: Path, chumpy: types.SimpleNamespace
) -> None:
    write_mano(tmp_path / "MANO_RIGHT.pkl", mano_arrays(Side.RIGHT), chumpy)
    arguments = ["convert", str(tmp_path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(hand, arguments)
    assert result.exit_code == 0 and "left out" in result.output
    assert file_sha256(tmp_path / "MANO_RIGHT.pkl") in result.output
    assert load_mano(tmp_path / "out", Side.RIGHT).name == "mano"
    (tmp_path / "MANO_LEFT.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    refused = CliRunner().invoke(hand, arguments)
    assert isinstance(refused.exception, HandbenchError) and refused.exception.exit_code == 2
    assert not (tmp_path / "out" / "MANO_LEFT.npz").exists()
    write_mano(tmp_path / "MANO_LEFT.pkl", mano_arrays(Side.RIGHT), chumpy)
    swapped = CliRunner().invoke(hand, arguments)
    assert "MANO_LEFT.pkl: holds a right hand, expected a left one" in str(swapped.exception)


def harm(tmp_path: Path) -> dict[str, tuple[bytes, str]]:
    mark = f"touch {tmp_path / 'ran'}"
    call = f"(S'{mark}'\ntR.".encode()
    huge = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n(\x8a\x05\x00\xe8\x76\x48\x17t"
    huge += b"U\x01d\x87R."
    dotted = pickle.PROTO + b"\x04" + b"\x8c\x05numpy\x8c\x11ndarray.__class__\x93."
    walk = pickle.PROTO + b"\x04" + b"\x8c\x05numpy\x8c\x1ccore.multiarray._reconstruct\x93."
    objects = b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR."
    return {
        "os.system": (b"cos\nsystem\n" + call, r"names os\.system"),
        "posix": (b"cposix\nsystem\n" + call, r"names posix\.system"),
        "eval": (b"c__builtin__\neval\n" + call, r"names __builtin__\.eval"),
        "dotted": (dotted, r"names numpy\.ndarray\.__class__"),
        "walked": (walk, r"names numpy\.core\.multiarray\._reconstruct"),
        "instance": (b"(S'" + mark.encode() + b"'\nios\nsystem\n.", r"names os\.system"),
        "extension": (b"\x80\x02\x82\x01.", "not a readable pickle"),
        "outside": (b"Pthing\n.", "outside object"),
        "reserves": (huge, "reserves an array"),
        "ndarray": (b"cnumpy\nndarray\n((I100000000000\ntS'd'\ntR.", "not a readable pickle"),
        "objects": (objects, "'O8', which is refused"),
        "changes": (b"cnumpy.core.multiarray\n_reconstruct\n(dS'a'\nI1\nsb.", "changes reconstruct"),
        "chumpy add": (b"cchumpy.ch_ops\nadd\n.", r"names chumpy\.ch_ops\.add"),
        "cycle": (b"(lp0\ng0\na.", "contains itself"),
        "long string": (b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.", "not a readable pickle"),
        "memo": (b"Nr" + struct.pack("<I", 2**28) + b".", "reserves memo slot"),
        "empty": (b"", "not a readable pickle"),
    }  # fmt: skip


def test_harmful_pickles_are_refused_by_name_and_nothing_runs(tmp_path: Path) -> None:
    for label, (data, message) in harm(tmp_path).items():
        path = tmp_path / "MANO_RIGHT.pkl"
        path.write_bytes(data)
        with pytest.raises(HandbenchError, match=message) as caught:
            load_restricted(path)
        assert "\n" not in str(caught.value), label
        with pytest.raises(HandbenchError):
            load_mano(tmp_path, Side.RIGHT)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_cut_anywhere_is_refused(tmp_path: Path, chumpy: types.SimpleNamespace) -> None:
    path = tmp_path / "MANO_RIGHT.pkl"
    write_mano(path, mano_arrays(Side.RIGHT), chumpy)
    data = path.read_bytes()
    for cut in np.linspace(0, len(data) - 1, 40).astype(int):
        path.write_bytes(data[:cut])
        with pytest.raises(HandbenchError):
            load_restricted(path)
    with pytest.raises(HandbenchError, match="more than the 1000"):
        load_restricted(path, max_bytes=1000)
    with pytest.raises(HandbenchError, match="cannot be read"):
        load_restricted(tmp_path / "none.pkl")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_ho3d_annotations_are_read_at_every_protocol(tmp_path: Path, protocol: int) -> None:
    rng = np.random.default_rng(0)
    content: dict[str, Any] = {
        "camMat": rng.normal(size=(3, 3)),
        "handPose": rng.normal(size=48).astype(np.float32),
        "objName": "005_can",
        "objLabel": 3,
        "handVertContact": np.array([True, False]),
        "handBoundingBox": [1, 2, 3, 4],
        "none": None,
        "fortran": np.asfortranarray(rng.normal(size=(2, 3))),
        "scalar": np.float64(2.5),
    }
    if protocol > 2:
        content["empty"] = np.zeros((0, 3))
    path = tmp_path / "0000.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    found = load_restricted(path, allow=HO3D_NAMES)
    assert found.keys() == content.keys()
    for key, value in content.items():
        np.testing.assert_array_equal(found[key], value)
        assert not isinstance(value, np.ndarray) or found[key].dtype == value.dtype
    if protocol == 2:
        with pytest.raises(HandbenchError, match=r"names _codecs\.encode"):
            load_restricted(path, allow=MANO_NAMES)
