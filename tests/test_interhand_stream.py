"""Large JSON in pieces: equal to json.loads whatever the chunk, in bounded memory, damage named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from handbench.errors import HandbenchError
from handbench.formats.json_stream import read_small_json, stream_json

_text = st.text(st.characters(max_codepoint=0xD7FF) | st.sampled_from('"\\[]{},: \n'), max_size=8)
_number = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_leaf = st.none() | st.booleans() | _number | _text
_name = st.text(st.sampled_from('ab"\\{}[],:é'), max_size=4)
_tree = st.recursive(
    _leaf,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_name, inner, max_size=5),
    max_leaves=40,
)
_top = st.lists(_tree, max_size=6) | st.dictionaries(_name, _tree, max_size=6)


def _put_together(path: Path, depth: int, chunk: int) -> Any:
    """Merges pieces into the document again; containers are dicts until the end, arrays marked by a None."""
    root: dict[Any, Any] = {}
    for piece in stream_json(path, depth, chunk):
        value, node = piece.decode(), root
        for parent, key in zip(("top", *piece.keys), (*piece.keys, None), strict=True):
            if key is None and piece.kind == "value":
                node[parent] = value
                break
            node = node.setdefault(parent, {})
            if isinstance(key, int) or (key is None and piece.kind == "list"):
                node[None] = True
        else:
            node.update(enumerate(value, len(node) - 1) if piece.kind == "list" else value)
    return _plain(root["top"])


def _plain(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    inner = {key: _plain(value) for key, value in node.items()}
    return list(inner.values())[1:] if None in inner else inner


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assume(len({name for name, _ in pairs}) == len(pairs))
    return dict(pairs)


@given(_top, st.integers(0, 3), st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_pieces_make_the_document(
    tmp_path_factory: pytest.TempPathFactory, document: Any, depth: int, chunk: int, indent: Any, ascii: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.json"
    path.write_text(json.dumps(document, indent=indent, ensure_ascii=ascii), encoding="utf-8")
    assert _put_together(path, depth, chunk) == document


@given(_top, st.integers(0, 2), st.integers(1, 40), st.data())
def test_a_cut_file_is_never_read_as_a_whole(
    tmp_path_factory: pytest.TempPathFactory, document: Any, depth: int, chunk: int, data: Any
) -> None:
    text = json.dumps(document).encode()
    path = tmp_path_factory.getbasetemp() / "cut.json"
    path.write_bytes(text[: data.draw(st.integers(0, len(text) - 1))])
    with pytest.raises(HandbenchError, match=r"cut\.json: byte \d+: "):
        _put_together(path, depth, chunk)


@given(_top, st.integers(0, 2), st.integers(1, 40), st.data())
def test_what_json_refuses_is_refused(
    tmp_path_factory: pytest.TempPathFactory, document: Any, depth: int, chunk: int, data: Any
) -> None:
    text = bytearray(json.dumps(document).encode())
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.sampled_from(b'{}[],:"x\\'))
    path = tmp_path_factory.getbasetemp() / "damaged.json"
    path.write_bytes(text)
    try:
        expected = json.loads(bytes(text), object_pairs_hook=_no_twins)
    except ValueError:
        with pytest.raises(HandbenchError, match=r"damaged\.json: byte \d+: "):
            _put_together(path, depth, chunk)
    else:
        assert not isinstance(expected, (dict, list)) or _put_together(path, depth, chunk) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "byte 0: the file ends"),
        ("3", "byte 0: expected an object or a list"),
        ('{"images": [1, 2], ', "byte 19: the file ends"),
        ('{"images": [1, 2}}', "closes a list"),
        ('{"images": [1,, 2]}', "byte 14"),
        ('{"images": [1, ]}', "byte 13: trailing comma"),
        ('{"images": [, 1]}', "byte 12"),
        ('{"images": [1,' + " " * 200 + "]}", "a comma without a value"),
        ('{"images": [1]} {', "byte 16: data behind the end"),
        ('{"images": [NaN]}', "byte 12"),
        ('{3: [1]}', "expected a name"),
        ('{"a" [1]}', "expected a colon"),
        ('{"a": [1] "b": 2}', "expected a comma"),
        ('{"a": [' + "[" * 100 + "]" * 100 + "]}", "deeper than 64"),
        ('{"a": ["' + "x" * 3000 + '"]}', "member of more than 1000"),
        ('{"a": 1, "' + "x" * 70000, "more than 65536"),
        ('{"a": ]}', "expected a value"),
    ],
)  # fmt: skip
def test_damage_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(HandbenchError, match=message) as error:
        for piece in stream_json(path, 1, 64, 1000):
            piece.decode()
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_small_files_are_read_whole_below_a_cap(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": [1, 2]}')
    assert read_small_json(path) == {"a": [1, 2]}
    with pytest.raises(HandbenchError, match="13 bytes, more than the 5"):
        read_small_json(path, 5)
    with pytest.raises(HandbenchError, match="No such file"):
        read_small_json(tmp_path / "none.json")
    with pytest.raises(HandbenchError, match="No such file"):
        next(stream_json(tmp_path / "none.json"))
    path.write_text("[" * 100_000)
    with pytest.raises(HandbenchError, match="damaged"):
        read_small_json(path)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    record = json.dumps({"id": 1, "values": list(range(200)), "name": 'a "quoted" [name'})
    with path.open("w") as file:
        file.write('{"annotations": [' + record)
        for _ in range(200):
            file.write((", " + record) * 1000)
        file.write("]}")
    assert path.stat().st_size > 150e6
    code = (
        "import sys; from pathlib import Path\n"
        "from handbench.formats.json_stream import stream_json\n"
        "peak = lambda: int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\n"
        "pieces = stream_json(Path(sys.argv[1])); n = len(next(pieces).decode()); before = peak()\n"
        "n += sum(len(piece.decode()) for piece in pieces)\n"
        "print(n, (peak() - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    count, grown = map(int, done.stdout.split())
    assert count == 200_001 and grown < 100
