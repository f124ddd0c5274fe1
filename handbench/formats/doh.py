"""Reads the annotation of 100DOH (Shan et al., CVPR 2020): Pascal VOC files with hands, contact and objects.

``VOCdevkit2007_handobj_100K/VOC2007/{JPEGImages,Annotations,ImageSets/Main}``. Boxes count pixels from 1, as
VOC does; what is returned counts from 0, with x and y the outer edge of the box.
"""

from __future__ import annotations

import xml.parsers.expat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder

import numpy as np

from handbench.arrays import FloatArray
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.images import read_bytes
from handbench.formats.paths import inside
from handbench.types import Side

CONTACTS = ("none", "self", "other", "portable", "stationary")
"""``contactstate`` 0 to 4: nothing, own body, another person, a portable, a stationary object (N S O P F)."""

CONTACT_LETTERS = "NSOPF"
MAX_BYTES = 1 << 20
_MAX_DEPTH = 16
_SPLITS = ("train", "val", "trainval", "test")


@dataclass(frozen=True)
class DohHand:
    """One hand.

    Attributes:
        box: (4,) x, y, w, h [px].
        side: of the hand, or None where it is not stated.
        contact: one of ``CONTACTS``, or None where it is not stated.
        object_box: (4,) x, y, w, h [px] of what it touches, or None.
        direction: (3,) unit vector x, y from hand to object, and its length [px]; None where not stated.
        truncated: whether the border cuts it.
        difficult: whether the annotators marked it so.
    """

    box: FloatArray
    side: Side | None
    contact: str | None
    object_box: FloatArray | None
    direction: FloatArray | None
    truncated: bool
    difficult: bool


@dataclass(frozen=True)
class DohImage:
    """The annotation of one picture.

    Attributes:
        size: (width, height) [px].
        hands: in the order of the file; any number.
        objects: (N, 4) x, y, w, h [px] of the touched objects.
    """

    size: tuple[int, int]
    hands: tuple[DohHand, ...]
    objects: FloatArray


def find_voc(root: Path) -> Path:
    """Returns the folder ``VOC2007`` at or below a root.

    Raises:
        HandbenchError: when there is none.
    """
    for below in ("", "VOC2007", "VOCdevkit2007_handobj_100K/VOC2007"):
        if (root / below / "ImageSets" / "Main").is_dir() and (root / below / "Annotations").is_dir():
            return root / below
    raise HandbenchError(
        f"{root}: no VOCdevkit2007_handobj_100K/VOC2007 with Annotations and ImageSets/Main",
        "handbench data howto 100doh tells what to put there",
    )


def split_list(voc: Path, split: str) -> Path:
    """Returns the file that lists a split's pictures.

    Raises:
        HandbenchError: when it is missing, naming those that are there.
    """
    path = voc / "ImageSets" / "Main" / f"{split}.txt"
    if split not in _SPLITS or not path.is_file():
        known = [name for name in _SPLITS if (path.parent / f"{name}.txt").is_file()]
        raise HandbenchError(f"{path}: no such list", f"there are: {', '.join(known)}")
    return path


def read_split(voc: Path, split: str) -> list[str]:
    """Returns the names of a split's pictures.

    Raises:
        HandbenchError: when the list is missing, empty, or a name leads out of the tree.
    """
    path = split_list(voc, split)
    names = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    names = [name for name in names if name]
    for number, name in enumerate(names, start=1):
        inside(voc, name, f"{path}: line {number}")
    if not names:
        raise HandbenchError(f"{path}: the list is empty", "copy it again")
    return names


def read_annotation(path: Path) -> DohImage:
    """Reads one annotation.

    Raises:
        BadSampleError: when it is missing, too large, no XML, declares a document type or an entity, or a
            field makes no sense; the line names file and field.
    """
    root = _parse(path)
    size = root.find("size")
    if size is None:
        raise BadSampleError(f"{path}: no <size>", "copy it again")
    width, height = (int(_number(path, size, name)) for name in ("width", "height"))
    if width < 1 or height < 1:
        raise BadSampleError(f"{path}: size {width} x {height}", "copy it again")
    hands: list[DohHand] = []
    objects: list[FloatArray] = []
    for number, item in enumerate(root.findall("object")):
        where = f"{path}: object {number}"
        kind = (item.findtext("name") or "").strip().lower()
        box = item.find("bndbox")
        if box is None:
            raise BadSampleError(f"{where}: no <bndbox>", "copy it again")
        corners = _box(where, [_number(where, box, name) for name in ("xmin", "ymin", "xmax", "ymax")])
        if kind == "targetobject":
            objects.append(corners)
        elif kind == "hand":
            hands.append(_hand(where, item, corners))
        else:
            raise BadSampleError(f"{where}: is called {kind!r}, expected hand or targetobject", "")
    return DohImage((width, height), tuple(hands), np.array(objects).reshape(-1, 4))


def _hand(where: str, item: Element, box: FloatArray) -> DohHand:
    side, contact = _optional(where, item, "handside"), _optional(where, item, "contactstate")
    if side not in (None, 0, 1):
        raise BadSampleError(f"{where}: handside {side:g}, expected 0 (left) or 1 (right)", "copy it again")
    if contact not in (None, 0, 1, 2, 3, 4):
        raise BadSampleError(f"{where}: contactstate {contact:g}, expected 0 to 4", "copy it again")
    touched = [_optional(where, item, name) for name in ("objxmin", "objymin", "objxmax", "objymax")]
    ray = [_optional(where, item, name) for name in ("unitdx", "unitdy", "magnitude")]
    corners = [value for value in touched if value is not None]
    direction = [value for value in ray if value is not None]
    return DohHand(
        box,
        None if side is None else Side.RIGHT if side == 1 else Side.LEFT,
        None if contact is None else CONTACTS[int(contact)],
        _box(where, corners) if len(corners) == 4 else None,
        np.array(direction) if len(direction) == 3 else None,
        bool(_optional(where, item, "truncated")),
        bool(_optional(where, item, "difficult")),
    )


def _box(where: str, corners: list[float]) -> FloatArray:
    """Turns corners that count from 1 and belong to the box into x, y, w, h of its outer edge."""
    left, top, right, bottom = corners
    if right < left or bottom < top:
        raise BadSampleError(f"{where}: box {left:g} {top:g} {right:g} {bottom:g} is upside down", "")
    return np.array([left - 1.5, top - 1.5, right - left + 1, bottom - top + 1])


def _number(where: object, item: Element, name: str) -> float:
    value = _optional(where, item, name)
    if value is None:
        raise BadSampleError(f"{where}: no <{name}>", "copy it again")
    return value


def _optional(where: object, item: Element, name: str) -> float | None:
    text = (item.findtext(name) or "").strip()
    if text in ("", "None"):
        return None
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise BadSampleError(f"{where}: <{name}> is {text[:40]!r}, expected a number", "copy it again")
    return value


def _parse(path: Path) -> Element:
    """Parses XML that is not trusted: no document type, so no entity that grows; few bytes; little depth."""
    data = read_bytes(path)
    if len(data) > MAX_BYTES:
        raise BadSampleError(
            f"{path}: {len(data)} bytes, more than the {MAX_BYTES} an annotation may have", ""
        )
    parser, builder = xml.parsers.expat.ParserCreate(), TreeBuilder()
    depth = 0

    def refuse(*_: object) -> NoReturn:
        raise BadSampleError(f"{path}: declares a document type or an entity, which is refused", "")

    def start(tag: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MAX_DEPTH:
            raise BadSampleError(f"{path}: nested deeper than {_MAX_DEPTH}", "do not trust this file")
        builder.start(tag, dict(attributes))

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    text: Callable[[str], object] = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    try:
        parser.Parse(data, True)
        return builder.close()
    except xml.parsers.expat.ExpatError as error:
        raise BadSampleError(f"{path}: not XML: {error}", "copy it again") from None
    except (LookupError, ValueError) as error:
        raise BadSampleError(f"{path}: not XML: {error}", "copy it again") from None
