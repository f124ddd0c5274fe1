"""What the restricted pickle reader puts in the place of numpy's, scipy's and chumpy's names."""

from __future__ import annotations

import abc
import pickle
from typing import Any

import numpy as np
import numpy.typing as npt

_MAX_DEPTH = 32


class Refused(pickle.UnpicklingError):
    """The pickle asks for something that is not on the list."""


class Resolver:
    """Replaces every record in what a pickle holds by its value; shared objects stay shared.

    Args:
        objects: whether an array of objects is allowed: it becomes the list of its items.
    """

    def __init__(self, objects: bool = False) -> None:
        self.objects = objects
        self.n_sparse = 0
        self._memo: dict[int, Any] = {}
        self._depth = 0

    def resolve(self, item: Any) -> Any:
        """Returns plain objects and numpy arrays; raises :class:`Refused` for anything else, or a cycle."""
        if item is None or isinstance(item, str | bytes | int | float | complex):
            return item
        if id(item) in self._memo:
            return self._memo[id(item)]
        if self._depth > _MAX_DEPTH:
            raise Refused("the pickle is nested too deeply or contains itself")
        self._depth += 1
        result: Any
        if isinstance(item, _Record):
            result = item.value(self)
        elif isinstance(item, dict):
            result = {self.resolve(key): self.resolve(value) for key, value in item.items()}
        elif isinstance(item, list | tuple):
            result = type(item)(self.resolve(part) for part in item)
        else:
            raise Refused(f"the pickle holds a {type(item).__name__}, which is refused")
        self._depth -= 1
        self._memo[id(item)] = result
        return result


class _Token:
    """Stands for a class that a pickle may mention but not call."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __setstate__(self, state: object) -> None:
        raise Refused(f"the pickle changes {self.name}, which is refused")


class _Call(_Token):
    """Stands for a function that a pickle may call: one of this module's methods of the same purpose."""

    __slots__ = ()

    def __call__(self, *args: Any) -> Any:
        return getattr(_Makers, self.name)(*args)


class _Record(abc.ABC):
    """What a pickle says about one object; turned into an array after the pickle has been read."""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    @abc.abstractmethod
    def value(self, resolver: Resolver) -> Any:
        """Returns the array or value that the object stands for."""


class _Dtype(_Record):
    def __init__(self, code: str) -> None:
        self.code, self.state = code, None

    def dtype(self) -> np.dtype[Any]:
        order = "="
        if self.state is not None:
            # (version, byte order, subtype, names, fields, ...): plain numbers have none of the last three.
            if not isinstance(self.state, tuple) or len(self.state) < 5 or any(self.state[2:5]):
                raise Refused("the pickle holds an array of records, which is refused")
            order = self.state[1]
        code = self.code.lstrip("<>=|")
        if order not in ("<", ">", "=", "|") or code[:1] not in "biufcSU" or not code[1:].isdigit():
            raise Refused(f"the pickle holds an array of type {self.code!r}, which is refused")
        if int(code[1:]) > (16 if code[0] in "biufc" else 4096):
            raise Refused(f"the pickle holds an array of type {self.code!r}, which is refused")
        return np.dtype(order.replace("|", "=") + code)

    def value(self, resolver: Resolver) -> Any:
        return self.dtype()


class _Array(_Record):
    state: Any = None

    def value(self, resolver: Resolver) -> Any:
        if not isinstance(self.state, tuple) or len(self.state) not in (4, 5):
            raise Refused("the pickle holds an array without content")
        shape, dtype, fortran, content = self.state[-4:]
        if resolver.objects and isinstance(content, list):
            return resolver.resolve(object_items(self))
        return _make_array(shape, dtype, content, "F" if fortran else "C")


def object_items(item: Any) -> list[Any]:
    """Returns the raw items of an array of objects as a pickle holds it: one row of them, or one list.

    Raises:
        Refused: when it is anything else, or their number is not what its shape says.
    """
    state = item.state if isinstance(item, _Array) else None
    if not isinstance(state, tuple) or len(state) not in (4, 5):
        raise Refused("the pickle holds no array of objects")
    shape, dtype, _, content = state[-4:]
    if (
        not isinstance(dtype, _Dtype)
        or dtype.code.lstrip("|") not in ("O", "O8")
        or type(content) is not list
    ):
        raise Refused("the pickle holds no array of objects")
    if shape == () and len(content) == 1 and type(content[0]) is list:
        return content[0]
    if shape != (len(content),):
        raise Refused(f"the pickle holds {len(content)} objects in an array of shape {shape!r}")
    return content


class _Scalar(_Record):
    def __init__(self, dtype: Any, content: Any) -> None:
        self.state = (dtype, content)

    def value(self, resolver: Resolver) -> Any:
        dtype, content = self.state
        return _make_array((), dtype, content, "C")[()]


class _Sparse(_Record):
    """A column-compressed matrix of scipy; its value is the dense array."""

    state: Any = None

    def value(self, resolver: Resolver) -> npt.NDArray[Any]:
        state = resolver.resolve(self.state)
        shape = state.get("_shape", state.get("shape"))
        # A sparse matrix of a few bytes can stand for any number of zeros.
        resolver.n_sparse += 1
        small = isinstance(shape, tuple) and len(shape) == 2 and shape[0] * shape[1] <= 1_000_000
        if not small or resolver.n_sparse > 4:
            raise Refused(f"the pickle holds a sparse matrix of shape {shape}")
        data, indices, starts = (np.asarray(state[k]) for k in ("data", "indices", "indptr"))
        if starts.shape != (shape[1] + 1,) or not (np.diff(starts) >= 0).all() or data.shape != indices.shape:
            raise Refused("the pickle holds a damaged sparse matrix")
        columns = np.repeat(np.arange(shape[1]), np.diff(starts))
        if len(columns) != len(data) or (len(data) and not 0 <= indices.min() <= indices.max() < shape[0]):
            raise Refused("the pickle holds a damaged sparse matrix")
        dense = np.zeros(shape, dtype=data.dtype)
        np.add.at(dense, (indices, columns), data)
        return dense


class _Ch(_Record):
    """An array of chumpy: the stored array."""

    state: Any = None

    def value(self, resolver: Resolver) -> Any:
        if not isinstance(self.state, dict) or "x" not in self.state:
            raise Refused("the pickle holds a chumpy object without an array")
        return np.asarray(resolver.resolve(self.state["x"]))


class _Select(_Record):
    """A selection of chumpy: ``a.ravel()[idxs].reshape(preferred_shape)``."""

    state: Any = None

    def value(self, resolver: Resolver) -> Any:
        state = self.state if isinstance(self.state, dict) else {}
        if not {"a", "idxs"} <= state.keys():
            raise Refused("the pickle holds a chumpy selection without an array")
        source = np.asarray(resolver.resolve(state["a"])).ravel()
        index = np.asarray(resolver.resolve(state["idxs"]))
        shape = resolver.resolve(state.get("preferred_shape"))
        return source[index].reshape(index.shape if shape is None else shape)


class _Makers:
    """What the functions that a pickle may call do here."""

    @staticmethod
    def reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
        # numpy itself always writes (0,) and b"b"; any other shape only reserves memory.
        if kind is not _NDARRAY or shape != (0,) or code not in ("b", b"b"):
            raise Refused(f"the pickle reserves an array of shape {shape!r}, which is refused")
        return _Array()

    @staticmethod
    def dtype(code: Any, *flags: Any) -> _Dtype:
        if not isinstance(code, str):
            raise Refused("the pickle holds an array of an unknown type")
        return _Dtype(code)

    @staticmethod
    def scalar(dtype: Any, content: Any) -> _Scalar:
        return _Scalar(dtype, content)

    @staticmethod
    def frombuffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
        if not isinstance(content, bytes | bytearray):
            raise Refused("the pickle holds an array without content")
        array = _Array()
        array.state = (shape, dtype, order == "F", bytes(content))
        return array

    @staticmethod
    def encode(text: Any, encoding: Any) -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise Refused(f"the pickle encodes text as {encoding!r}, which is refused")
        return text.encode("latin1")

    @staticmethod
    def unordered(items: Any = ()) -> tuple[Any, ...]:
        if not isinstance(items, list | tuple):
            raise Refused("the pickle holds a set of an unknown kind")
        return tuple(items)


_NDARRAY = _Token("numpy.ndarray")
STANDINS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _Call("dtype"),
    ("scipy.sparse.csc", "csc_matrix"): _Sparse,
    ("scipy.sparse._csc", "csc_matrix"): _Sparse,
    ("chumpy.ch", "Ch"): _Ch,
    ("chumpy.reordering", "Select"): _Select,
    ("__builtin__", "set"): _Call("unordered"),
    ("_codecs", "encode"): _Call("encode"),
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Call("reconstruct") for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Call("scalar") for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Call("frombuffer") for core in ("core", "_core")},
}


def _make_array(shape: Any, dtype: Any, content: Any, order: Any) -> npt.NDArray[Any]:
    """Builds an array after checking that its bytes are exactly what shape and type need."""
    if isinstance(content, str):
        content = content.encode("latin1")
    if not isinstance(dtype, _Dtype) or not isinstance(content, bytes) or not isinstance(shape, tuple):
        raise Refused("the pickle holds an array of objects, which is refused")
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise Refused(f"the pickle holds an array of shape {shape!r}")
    kind = dtype.dtype()
    count = 1
    for n in shape:
        count *= n
    if count * kind.itemsize != len(content):
        raise Refused(f"the pickle holds an array of shape {shape!r} in {len(content)} bytes")
    return np.frombuffer(content, dtype=kind).reshape(shape, order=order).copy()
