"""100DOH: Pascal VOC annotations of hands, read without trusting them."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from handbench.datasets import Dataset, load_dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.doh import read_annotation
from handbench.ground_truth import GroundTruth
from handbench.types import Side

NAMES = ("diy_v_aaa_frame000012", "diy_v_aaa_frame000044", "food_v_bbb_frame000001")


def hand_xml(box: tuple[int, int, int, int], side: object, contact: object, touched: object = None) -> str:
    corners = "".join(f"<{n}>{v}</{n}>" for n, v in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    ends = touched if isinstance(touched, tuple) else (None,) * 4
    held = "".join(
        f"<obj{n}>{v}</obj{n}>" for n, v in zip(("xmin", "ymin", "xmax", "ymax"), ends, strict=True)
    )
    ray = (
        "<unitdx>0.6</unitdx><unitdy>-0.8</unitdy><magnitude>40</magnitude>"
        if touched
        else "<unitdx>None</unitdx>"
    )
    return (
        f"<object><name>hand</name><pose>Unspecified</pose><truncated>1</truncated><difficult>0</difficult>"
        f"<bndbox>{corners}</bndbox><contactstate>{contact}</contactstate><handside>{side}</handside>"
        f"{held}{ray}</object>"
    )


def write_xml(
    voc: Path, name: str, *objects: str, size: str = "<width>320</width><height>240</height>"
) -> Path:
    path = voc / "Annotations" / f"{name}.xml"
    path.write_text(f"<annotation><size>{size}<depth>3</depth></size>{''.join(objects)}</annotation>")
    return path


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Three pictures: a pair that holds a thing, three hands of two people, none."""
    folder = tmp_path / "VOCdevkit2007_handobj_100K" / "VOC2007"
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    (folder / "ImageSets" / "Main" / "test.txt").write_text("\n".join(NAMES) + "\n")
    thing = (
        "<object><name>targetobject</name><bndbox><xmin>100</xmin><ymin>90</ymin><xmax>160</xmax><ymax>130</ymax>"
        "</bndbox></object>"
    )
    write_xml(folder, NAMES[0], hand_xml((11, 21, 50, 60), 0, 3, (100, 90, 160, 130)), thing,
              hand_xml((201, 31, 260, 110), 1, 0))  # fmt: skip
    write_xml(folder, NAMES[1], hand_xml((1, 1, 20, 20), 1, 2), hand_xml((101, 1, 180, 60), 1, 4),
              hand_xml((5, 100, 60, 160), "None", 1))  # fmt: skip
    write_xml(folder, NAMES[2])
    for i, name in enumerate(NAMES):
        cv2.imwrite(str(folder / "JPEGImages" / f"{name}.jpg"), np.full((240, 320, 3), 40 * i, np.uint8))
    return folder


def test_hands_sides_contact_and_objects(voc: Path) -> None:
    data = load_dataset("100doh", voc.parent.parent, quiet=True)
    assert list(data.keys) == [f"100doh/test/{name}" for name in NAMES] and not data.coverage.partial
    first = data[0]
    assert [hand.side for hand in first.hands] == [Side.RIGHT, Side.LEFT]
    left = first.hand(Side.LEFT)
    assert left is not None and left.box is not None and not left.joints_valid.any()
    # Pixels 11 to 50, counted from 1, are 10 to 49 counted from 0: the box reaches from 9.5 to 49.5.
    assert left.box.tolist() == [9.5, 19.5, 40, 40]
    assert first.meta["contact"] == {"right": "none", "left": "portable"}
    described = first.meta["all_hands"][0]
    assert described["object_box"] == [98.5, 88.5, 61, 41] == first.meta["object_boxes"][0]
    assert described["direction"] == [0.6, -0.8, 40] and described["truncated"] and not described["difficult"]
    assert first.meta["recording"] == "diy_v_aaa" and first.meta["frame"] == 12
    assert first.image.read().shape == (240, 320, 3) and first.camera.K[0, 0] == 1.2 * 320
    second = data[1]
    assert len(second.hands) == 1 and len(second.meta["all_hands"]) == 3  # the larger of two right hands
    assert second.hands[0].box is not None and second.hands[0].box[2] == 80
    assert second.meta["all_hands"][2]["side"] is None and second.meta["all_hands"][0]["contact"] == "other"
    assert data[2].hands == () and data[2].meta["object_boxes"] == []


def test_ground_truth_and_one_sample_a_hand(voc: Path) -> None:
    data = load_dataset("100doh", voc, unit="hand", quiet=True)
    ends = [key.rsplit("/", 1)[1] for key in data.keys]
    assert ends == [f"{NAMES[0]}.0", f"{NAMES[0]}.1", f"{NAMES[1]}.0", f"{NAMES[1]}.1"]
    truth: GroundTruth = data.ground_truth()
    for i, sample in enumerate(data):
        (hand,) = sample.hands
        np.testing.assert_array_equal(truth.hands[hand.side].box[i], hand.box)  # type: ignore[index]
        assert np.isnan(truth.hands[hand.side.other].box[i]).all()  # type: ignore[index]
        np.testing.assert_array_equal(truth.K[i], sample.camera.K)
    assert truth.subsets["stationary"].tolist() == [False, False, False, True]
    held = load_dataset("100doh", voc, contact="PF", quiet=True)
    assert [sample.meta["frame"] for sample in held] == [12, 44]
    again: Dataset = pickle.loads(pickle.dumps(data))
    assert again.keys == data.keys and again.fingerprint == data.fingerprint
    assert len(pickle.dumps(data)) < 1500 and pickle.loads(pickle.dumps(again[1])).key == data.keys[1]


def test_a_partial_tree_loads(voc: Path) -> None:
    (voc / "JPEGImages" / f"{NAMES[1]}.jpg").unlink()
    write_xml(voc, NAMES[2], "<object><name>foot</name><bndbox/></object>")
    data = load_dataset("100doh", voc, quiet=True)
    assert len(data) == 2 and data.coverage.present == 2 and data.coverage.expected == 3
    assert "1 of 3 pictures are missing" in data.coverage.missing[0]
    with pytest.raises(BadSampleError, match=f"{NAMES[2]}.xml: object 0"):
        data[1]
    found = {(finding.kind, finding.where) for finding in data.audit()}
    assert ("missing", f"JPEGImages/{NAMES[1]}.jpg") in found and ("fault", NAMES[2]) in found
    write_xml(
        voc, NAMES[0], hand_xml((300, 200, 900, 230), 0, 3), size="<width>640</width><height>240</height>"
    )
    wide = load_dataset("100doh", voc, quiet=True)
    with pytest.raises(BadSampleError, match="320 x 240 pixels, expected 640 x 240"):
        wide[0].image.read()
    assert any("leaves the picture" in finding.what for finding in wide.audit())


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]><annotation>&c;</annotation>'
)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (BOMB.encode(), "document type or an entity"),
        (BOMB.encode("utf-16"), "document type or an entity"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "document type"),
        (b"<a>" * 50, "nested deeper"),
        (b" " * 2_000_000, "more than the"),
        (b"", "the file is empty"),
        (b"<html>", "not XML"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "not XML"),
        (b"<annotation/>", "no <size>"),
        (b"<annotation><size><width>0</width><height>4</height></size></annotation>", "size 0 x 4"),
        (b"<annotation><size><width>big</width></size></annotation>", "<width> is 'big', expected a number"),
        (b"<annotation><size><height>4</height></size></annotation>", "no <width>"),
    ],
)
def test_xml_is_not_trusted(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "x.xml"
    path.write_bytes(content)
    with pytest.raises(BadSampleError, match=word) as error:
        read_annotation(path)
    assert "x.xml" in str(error.value)


@pytest.mark.parametrize(
    ("item", "word"),
    [
        (hand_xml((1, 1, 5, 5), 2, 0), "handside 2, expected"),
        (hand_xml((1, 1, 5, 5), 1, 7), "contactstate 7"),
        (hand_xml((9, 1, 5, 5), 1, 0), "upside down"),
        (hand_xml((1, 1, 5, 5), "nan", 0), "expected a number"),
        ("<object><name>hand</name></object>", "no <bndbox>"),
    ],
)
def test_fields_are_named(voc: Path, item: str, word: str) -> None:
    with pytest.raises(BadSampleError, match=word):
        read_annotation(write_xml(voc, "y", item))


def test_wrong_trees_and_options_are_named(voc: Path, tmp_path: Path) -> None:
    with pytest.raises(HandbenchError, match=r"train\.txt: no such list \(there are: test\)"):
        load_dataset("100doh", voc, split="train", quiet=True)
    with pytest.raises(HandbenchError, match="no contact X"):
        load_dataset("100doh", voc, contact="XN", quiet=True)
    with pytest.raises(HandbenchError, match="no VOCdevkit2007_handobj_100K"):
        load_dataset("100doh", voc / "JPEGImages", quiet=True)
    listing = voc / "ImageSets" / "Main" / "test.txt"
    for name in ("../../../etc/passwd", "/etc/passwd", "a\0b"):
        listing.write_text(f"{NAMES[0]}\n{name}\n")
        with pytest.raises(BadSampleError, match=r"test.txt: line 2: path .* leaves"):
            load_dataset("100doh", voc, quiet=True)
    listing.write_text("\n")
    with pytest.raises(HandbenchError, match="the list is empty"):
        load_dataset("100doh", voc, quiet=True)
