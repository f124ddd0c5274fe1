"""Reading a store back, from anywhere, and finding damage in it."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import lmdb
import numpy as np
import pytest
from conftest import Run
from store_jobs import SPEC, RandomJob, make_sample

from handbench.errors import CorruptError, HandbenchError, PartialError
from handbench.store.dataset import Store, open_store
from handbench.store.job import make_shard
from handbench.store.manifest import make_manifest, read_shards, write_manifest
from handbench.store.masks import encode_mask
from handbench.store.plan import Plan
from handbench.store.record import decode_record, encode_record
from handbench.store.run import run_shards
from handbench.store.shard import ShardWriter
from handbench.store.verify import verify_store

NUM = 520


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    run_shards(root, Plan(NUM), SPEC, RandomJob(), workers=0, quiet=True)
    return root


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "copy")


def read_all(store: Store) -> list[bytes]:
    return [store[i].data for i in random.Random(1).sample(range(NUM), 60)]


def test_a_store_is_a_sequence(made: Path) -> None:
    store = open_store(made)
    assert len(store) == NUM and list(store.ids) == [record.id for record in store]
    assert store[251].data == make_sample(251)[0] and store[-1].id == NUM - 1
    assert [record.id for record in store[248:252]] == [248, 249, 250, 251]
    with pytest.raises(IndexError):
        store[NUM]


def test_any_lmdb_reader_reads_it(made: Path) -> None:
    with lmdb.open(str(made / "shards" / "00001"), readonly=True, lock=False) as env, env.begin() as txn:
        rows = [(int.from_bytes(key, "big"), value) for key, value in txn.cursor()]
    assert [key for key, _ in rows] == list(range(250, 500))
    assert all(decode_record(value, key).id == key for key, value in rows)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_store_works_in_other_processes_and_threads(made: Path, method: str) -> None:
    store = open_store(made)
    want = read_all(store)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(read_all, [store] * 4) == [want] * 4
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read_all, [store] * 8)) == [want] * 8
    assert read_all(pickle.loads(pickle.dumps(store))) == want


def test_more_shards_than_are_kept_open(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handbench.store.dataset._OPEN", 1)
    store = open_store(made)
    want = read_all(store)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read_all, [store] * 8)) == [want] * 8
    assert len([fd for fd in Path("/proc/self/fd").iterdir() if str(made) in os.path.realpath(fd)]) <= 1


def test_records_of_all_sizes_are_found(tmp_path: Path) -> None:
    """LMDB keeps small values inside its tree and large ones on pages of their own."""
    sizes = [0, 1, 900, 1_900, 1_950, 1_980, 2_000, 2_020, 4_050, 4_080, 9_000, 300_000] * 6
    records = [encode_record(i, {"blob": b"x" * size}, {}) for i, size in enumerate(sizes)]
    make_shard(tmp_path, 0, range(len(sizes)), SPEC, lambda i: (records[i], {}))
    write_manifest(tmp_path, make_manifest(read_shards(tmp_path)))
    assert [record.data for record in open_store(tmp_path)] == records
    assert not verify_store(tmp_path, deep=True, quiet=True).faults


def test_a_full_map_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handbench.store.shard._LEAST_MAP", 1 << 16)
    monkeypatch.setattr("handbench.store.shard._ROOM", 1)
    info = make_shard(tmp_path, 0, range(100), SPEC, lambda i: make_sample(i, 9_000))
    assert info is not None and info.n == 100 and info.size > 900_000


def test_the_first_publisher_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ShardWriter(tmp_path, 0, range(3), SPEC) as late:
        for i in range(3):
            late.add(i, *make_sample(i))
        monkeypatch.setattr("socket.gethostname", lambda: "another")
        first = make_shard(tmp_path, 0, range(3), SPEC, lambda i: make_sample(i, 700))
        assert first is not None and late.publish().sha256 == first.sha256
    assert [path.name for path in (tmp_path / "shards").iterdir()] == ["00000"]


def test_a_shard_takes_its_samples_in_order_and_whole(tmp_path: Path) -> None:
    with ShardWriter(tmp_path, 0, range(3), SPEC) as writer:
        writer.add(0, *make_sample(0))
        with pytest.raises(ValueError, match="does not expect sample 2"):
            writer.add(2, *make_sample(2))
        with pytest.raises(ValueError, match="1 of 3"):
            writer.publish()
    assert not list((tmp_path / "shards").iterdir())


def live_files(root: Path) -> list[Path]:
    return [root / "manifest.json", *sorted(path for path in root.glob("shards/*/*"))]


def test_every_flipped_byte_is_found(copy: Path) -> None:
    chance = random.Random(1)
    for file in live_files(copy):
        whole = file.read_bytes()
        for _ in range(25):
            broken, at = bytearray(whole), chance.randrange(len(whole))
            broken[at] ^= chance.randrange(1, 256)
            file.write_bytes(broken)
            verdict = verify_store(copy, quiet=True)
            assert verdict.faults, f"{file} byte {at}"
            if file.name != "manifest.json":
                assert {fault.shard for fault in verdict.faults} == {int(file.parent.name)}
        file.write_bytes(whole)
    assert not verify_store(copy, deep=True, quiet=True).faults


def test_damage_names_the_sample_and_is_not_returned(copy: Path) -> None:
    store = open_store(copy)
    info = read_shards(copy)[1]
    file = copy / "shards" / "00001" / "data.mdb"
    raw = bytearray(file.read_bytes())
    for sample_id in (260, 481):
        raw[int(info.offsets[sample_id - 250]) + 99] ^= 4
    file.write_bytes(raw)
    faults = verify_store(copy, quiet=True).faults
    assert [fault.sample_id for fault in faults] == [None, 260, 481]
    assert str(faults[1]) == "shard 00001: sample 260: is damaged"
    with pytest.raises(CorruptError, match="00001: sample 481 differs"):
        store[481]
    assert store[261].id == 261


def test_cut_missing_and_foreign_files_are_found(copy: Path) -> None:
    for file in live_files(copy):
        whole = file.read_bytes()
        for length in (0, 1, 4096, len(whole) // 2, len(whole) - 1):
            os.truncate(file, min(length, len(whole) - 1))
            assert verify_store(copy, quiet=True).faults, f"{file} cut to {length}"
            with pytest.raises(HandbenchError):
                [record.id for record in open_store(copy)]
            file.write_bytes(whole)
    data = copy / "shards" / "00000" / "data.mdb"
    other = copy / "shards" / "00002"
    shutil.copytree(other, copy / "shards" / "00003")
    assert verify_store(copy, quiet=True).faults
    shutil.rmtree(copy / "shards" / "00003")
    data.unlink()
    assert [fault.shard for fault in verify_store(copy, quiet=True).faults] == [0]
    shutil.rmtree(other)
    assert {fault.shard for fault in verify_store(copy, quiet=True).faults} == {0, 2}


def test_a_manifest_says_what_its_shards_say(copy: Path) -> None:
    infos = read_shards(copy)
    infos[0].statistics["kind"]["0"] += 1
    write_manifest(copy, make_manifest(infos))
    assert [str(fault) for fault in verify_store(copy, quiet=True).faults] == [
        "manifest.json is not what its shards say"
    ]


def test_deep_looks_inside_the_records(tmp_path: Path) -> None:
    image = cv2.imencode(".jpg", np.zeros((24, 40, 3), np.uint8))[1].tobytes()
    small, large = np.zeros((24, 40), np.bool_), np.ones((24, 40), np.bool_)
    good = {"image": image, "target_amodal": encode_mask(large), "target_visible": encode_mask(small)}
    joints = np.full((21, 3), np.nan)
    cases: list[tuple[dict[str, bytes], dict[str, Any], str | None]] = [
        (good, {"right": {"joints": joints, "joints_valid": np.zeros(21, np.bool_), "occlusion": 0.5}}, None),
        ({**good, "image": image[:40]}, {}, "image does not decode"),
        ({**good, "target_amodal": encode_mask(small), "target_visible": encode_mask(large)}, {},
         "target_visible has 960 pixels outside target_amodal"),
        ({**good, "target_amodal": good["target_amodal"][:-3]}, {}, "target_amodal: a mask"),
        ({**good, "other_amodal": encode_mask(large[:9])}, {}, "other_amodal has size (9, 40)"),
        (good, {"hands": {"left": {"joints": joints}}}, "hands.left.joints is not finite"),
        (good, {"occlusion": 1.5}, "occlusion is 1.5"),
    ]  # fmt: skip
    records = [encode_record(i, blobs, fields) for i, (blobs, fields, _) in enumerate(cases)]
    make_shard(tmp_path, 0, range(len(cases)), SPEC, lambda i: (records[i], {}))
    write_manifest(tmp_path, make_manifest(read_shards(tmp_path)))
    assert not verify_store(tmp_path, quiet=True).faults
    faults = verify_store(tmp_path, deep=True, quiet=True).faults
    assert [fault.sample_id for fault in faults] == [1, 2, 3, 4, 5, 6]
    for fault, (_, _, what) in zip(faults, cases[1:], strict=True):
        assert what is not None and fault.what.startswith(what)


def test_the_command_says_it_in_its_exit_status(handbench: Run, copy: Path) -> None:
    sound = handbench("data", "verify", copy, "--deep")
    assert sound.stdout.startswith(f"sound: {NUM} samples")
    (copy / "manifest.json").rename(copy / "aside")
    handbench("data", "verify", copy, check=PartialError.exit_code)
    (copy / "aside").rename(copy / "manifest.json")
    file = copy / "shards" / "00002" / "shard.json"
    file.write_bytes(file.read_bytes().replace(b'"n": 20', b'"n": 21'))
    broken = handbench("data", "verify", copy, "--json", check=CorruptError.exit_code)
    assert json.loads(broken.stdout)["faults"][0]["shard"] == 2
    handbench("data", "verify", copy / "nothing", check=HandbenchError.exit_code)
