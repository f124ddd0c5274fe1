"""Records, masks and maps of fields: what goes in comes out, and no damage passes unseen."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from store_jobs import make_sample

from handbench.errors import CorruptError
from handbench.store.fields import decode_fields, encode_fields
from handbench.store.masks import decode_mask, encode_mask
from handbench.store.record import HEADER, decode_record, encode_record, find_records
from handbench.store.statistics import Tally, bin_label

plain = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary()
arrays = hnp.arrays(
    st.sampled_from(["?", "u1", "<i4", ">i4", "<i8", "<f2", "<f4", "<f8"]),
    hnp.array_shapes(min_dims=0, min_side=0),
)
values = st.recursive(
    plain | st.floats(allow_nan=False) | arrays,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def assert_same(got: Any, want: Any) -> None:
    if isinstance(want, np.ndarray):
        assert got.dtype == want.dtype.newbyteorder("<") and got.shape == want.shape
        np.testing.assert_array_equal(got, want)
        assert not got.flags.writeable
    elif isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            assert_same(got[key], want[key])
    elif isinstance(want, list):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            assert_same(g, w)
    else:
        assert got == want and type(got) is type(want)


@given(
    st.integers(0, 2**64 - 1),
    st.dictionaries(st.text(), st.binary(), max_size=4),
    st.dictionaries(st.text(), values, max_size=4),
)
def test_record_round_trip(sample_id: int, blobs: dict[str, bytes], fields: dict[str, Any]) -> None:
    data = encode_record(sample_id, blobs, fields)
    record = decode_record(data, sample_id)
    assert record.id == sample_id
    assert {name: bytes(record.blob(name)) for name in record.names} == blobs
    assert_same(record.fields, fields)
    assert encode_record(sample_id, blobs, record.fields) == data


@given(st.data())
def test_every_flip_and_every_cut_of_a_record_is_found(data: st.DataObject) -> None:
    whole = make_sample(data.draw(st.integers(0, 99)), size=20)[0]
    broken = bytearray(whole)
    broken[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptError):
        decode_record(bytes(broken))
    with pytest.raises(CorruptError):
        decode_record(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CorruptError):
        decode_record(whole + data.draw(st.binary(min_size=1, max_size=9)))


@given(st.data())
def test_a_forged_record_decodes_or_is_refused(data: st.DataObject) -> None:
    """Damage under a right checksum, and under any header: an error of ours, never another exception."""
    body = bytearray(make_sample(1, size=20)[0][:-8])
    if data.draw(st.booleans()):
        lengths = st.integers(0, 60) | st.integers(0, 2**32 - 1)
        body = bytearray(HEADER.pack(b"HBR1", 1, 0, 1, data.draw(lengths), data.draw(lengths)))
        body += data.draw(st.binary(max_size=80))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    forged = bytes(body) + xxhash.xxh3_64_intdigest(bytes(body)).to_bytes(8, "little")
    find_records(forged)
    try:
        record = decode_record(forged)
        assert isinstance(record.fields, dict)
        for name in record.names:
            record.mask(name)
    except CorruptError:
        pass


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_are_refused(noise: bytes) -> None:
    for decode in (decode_record, decode_fields, decode_mask):
        for data in (noise, b"HBR1" + noise, b"HBM1" + noise, b"\x81\xa1a" + noise):
            try:
                decode(data)
            except CorruptError:
                continue


def test_an_error_names_the_sample() -> None:
    data = make_sample(5)[0]
    with pytest.raises(CorruptError, match="sample 5 differs"):
        decode_record(data[:-1] + b"?", 5)
    with pytest.raises(CorruptError, match="sample 6 holds the record of sample 5"):
        decode_record(data, 6)


def test_records_are_found_in_raw_bytes() -> None:
    first, second = make_sample(1)[0], make_sample(2)[0]
    raw = b"HBR1" + first + b"HBR1HBR1\0\0" + second[:-1] + b"?" + second
    assert {i: [at for at, _ in places] for i, places in find_records(raw).items()} == {
        1: [4],
        2: [4 + len(first) + 10 + len(second)],
    }


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=40)))
def test_mask_round_trip(mask: Any) -> None:
    decoded = decode_mask(encode_mask(mask))
    assert decoded.dtype == np.bool_
    np.testing.assert_array_equal(decoded, mask)


def test_a_mask_cannot_claim_more_than_it_holds() -> None:
    data = bytearray(encode_mask(np.ones((16, 16), np.bool_)))
    data[4:8] = b"\xff\xff\xff\xff"
    with pytest.raises(CorruptError, match="another number of bits"):
        decode_mask(bytes(data))
    with pytest.raises(ValueError, match="bool"):
        encode_mask(np.ones((4, 4)))  # type: ignore[arg-type]


def test_fields_hold_no_objects() -> None:
    for value in (object(), np.array(["text"]), np.array([object()]), np.complex128(1)):
        with pytest.raises(TypeError):
            encode_fields({"value": value})
    head = msgpack.packb(("|O", (1,)))
    pickled = msgpack.packb({"x": msgpack.ExtType(1, bytes([len(head)]) + head + b"12345678")})
    with pytest.raises(CorruptError):
        decode_fields(pickled)


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.dictionaries(st.text(), st.integers(1, 9)))))
def test_histograms_add_up_in_any_order(parts: list[dict[str, dict[str, int]]]) -> None:
    one, two = Tally(), Tally()
    for part in parts:
        one.add(part)
    for part in reversed(parts):
        two.add(part)
    assert one.result() == two.result()
    assert sum(sum(bins.values()) for bins in one.result().values()) == sum(
        sum(bins.values()) for part in parts for bins in part.values()
    )


def test_bins_are_named_by_their_lower_edge() -> None:
    assert [bin_label(v, 0.05) for v in (0.0, 0.04, 0.05, 0.1499, 0.15, 0.8)] == [
        "0.00",
        "0.00",
        "0.05",
        "0.10",
        "0.15",
        "0.80",
    ]
    assert bin_label(123.0, 10) == "120"
