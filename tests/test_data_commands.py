"""``handbench data``, as typed: list, howto, verify: what they print, how they end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import REAL_DATA, Run, missing
from trusted_tree import STEPS, one_line, typed, write_tree

from handbench.cli.data_target import find_target, parse_target
from handbench.datasets import DATASETS, DataRef, Loader
from handbench.errors import HandbenchError
from handbench.trust.catalogue import catalogue, howto_text, option_keys

# Other tests of the same process register datasets of their own.
OURS = [name for name, target in sorted(DATASETS._targets().items()) if target.startswith("handbench.")]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def real() -> Path:
    root = REAL_DATA / "interhand2.6m_real4"
    if not root.is_dir():
        missing("the four real frames (set HANDBENCH_REAL_DATA)")
    return root


def test_the_group_answers_without_loading_anything_heavy(handbench: Run) -> None:
    code = (
        "import sys; from handbench.cli.data import data\n"
        "data.main(['--help'], standalone_mode=False)\n"
        "assert not {'numpy', 'cv2', 'numba', 'matplotlib', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in ("howto", "list", "orders", "pack", "show", "stats", "verify"):
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)
        assert "xample" in handbench("data", name, "--help").stdout
    assert "No such command" in handbench("data", "lisst", check=2).stderr


def test_list_shows_every_dataset_with_its_keys(handbench: Run) -> None:
    entries = json.loads(handbench("data", "list", "--json").stdout)
    assert [entry["name"] for entry in entries] == OURS
    for entry in entries:
        assert entry["about"] and "does not import" not in entry["about"]
        assert all(key["meaning"] for key in entry["keys"]), entry
    text = handbench("data", "list").stdout
    assert "    split=train\n        train, val or test;" in text and "    limit=" in text


def test_a_loader_that_does_not_import_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS._entries, "broken", "handbench.nowhere:LOADER")
    entry = next(entry for entry in catalogue() if entry.name == "broken")
    assert entry.about == "does not import: No module named 'handbench.nowhere'"


def test_meanings_come_from_the_docstring() -> None:
    from trusted_hands import Options

    keys = {key.name: (key.default, key.meaning) for key in option_keys(Options)}
    assert keys["fps"] == ("5", "frames a second; a meaning that goes on in a second line.")
    assert keys["mesh"] == ("false", "give vertices.")


@pytest.mark.parametrize("name", OURS)
def test_howto_tells_what_is_needed(name: str) -> None:
    text = howto_text(name)
    for head in ("Licence", "Get it", "Tree", "Needed for what", "Common problems", "First commands"):
        assert f"\n{head}" in text, head
    assert max(map(len, text.splitlines())) <= 116


def test_every_command_of_a_howto_exists(handbench: Run) -> None:
    """What a text tells to type is typed with --help."""
    said = {
        line.split("handbench ")[1].split("  ")[0]
        for name in OURS
        for line in howto_text(name).splitlines()
        if line.strip().startswith("handbench ")
    }
    assert len(said) > 15
    helps: dict[tuple[str, ...], str] = {}
    for line in said:
        words = line.split()
        command = tuple(words[:2] if words[0] == "data" else words[:1])
        if command not in helps:
            helps[command] = handbench(*command, "--help").stdout
        for option in (word for word in words if word.startswith("--")):
            assert option in helps[command], line


def test_howto_errors(handbench: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "did you mean 'ho3d'?" in one_line(handbench("data", "howto", "ho3", check=2))
    assert handbench("data", "howto", "interhand").stdout.startswith("InterHand2.6M\n")
    bare = Loader(dict, lambda root, options: None, "handbench.loaders:howto/none.md", "")  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(DATASETS, "get", lambda name: bare)
    with pytest.raises(HandbenchError, match=r"no text handbench\.loaders:howto/none\.md"):
        howto_text("bare")


def test_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hic:odd").mkdir()
    assert parse_target(["aih"]) == Path("aih")
    assert parse_target(["hic:odd"]) == Path("hic:odd")
    assert parse_target(["hic:d@mesh=true"], ["views=1"]) == DataRef(
        "hic", "d", {"mesh": "true", "views": "1"}
    )
    assert parse_target(["hic", "d@mesh=true"]) == DataRef("hic", "d", {"mesh": "true"})
    assert parse_target(["hick:d"]) == DataRef("hick", "d")
    for words, settings, message in (
        (["a", "b", "c"], [], "3 names of data"),
        (["aih"], ["split=val"], "no meaning for the store"),
        (["hic:d"], ["views"], "key=value"),
    ):
        with pytest.raises(HandbenchError, match=message):
            parse_target(words, settings)


def test_a_folder_that_is_no_store_tells_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handbench: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("ih/annotations", "hic/01/1/rgb", "doh/VOC/VOC2007/ImageSets", "bare", "store/shards"):
        (tmp_path / place).mkdir(parents=True)
    for place in ("ho3d", "tracked/16"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "ho3d" / "evaluation.txt").touch()
    (tmp_path / "tracked" / "16" / "Model_Hand_R.MOTION").touch()
    for text, words in (
        ("interhand", "write interhand ROOT or interhand:ROOT"),
        ("ho3d", "looks like ho3d (write ho3d ho3d or ho3d:ho3d)"),
        ("ih", "write interhand ih or interhand:ih"),
        ("hic", "write hic hic or hic:hic"),
        ("tracked", "or hic:tracked"),
        ("doh", "or 100doh:doh"),
        ("bare", "write NAME:bare with NAME one of 100doh, aih, aih-plain,"),
        ("nowhere", "no folder nowhere (give the folder of a store"),
    ):
        for settings in ([], ["split=test"]):
            with pytest.raises(HandbenchError) as error:
                find_target([text], settings)
            assert words in str(error.value)
    assert find_target(["store"]) == Path("store")
    with pytest.raises(HandbenchError, match="no meaning for the store"):
        find_target(["store"], ["split=test"])
    for command in ("verify", "show", "stats"):
        assert "or ho3d:" in one_line(handbench("data", command, tmp_path / "ho3d", check=2))


def test_a_pack_is_shown_and_counted_by_its_folder(
    handbench: Run, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack, sheet = tmp_path / "pack", tmp_path / "x.png"
    handbench("data", "pack", f"interhand:{tree}", "--out", pack)
    assert find_target([str(pack)], ["limit=2"], drawn=True) == DataRef("packed", str(pack), {"limit": "2"})
    typed("show", pack, "--out", sheet)
    assert f"{STEPS} samples on" in capsys.readouterr().out
    typed("stats", pack, "--plot", sheet)
    assert f"{STEPS} of {STEPS}, 1 recordings" in capsys.readouterr().out
    typed("verify", pack)
    assert f"sound: {STEPS} samples" in capsys.readouterr().out
    typed("verify", "packed", pack)
    records = next(pack.glob("shards/*/data.mdb"))
    records.chmod(0o644)
    content = bytearray(records.read_bytes())
    content[len(content) // 2] ^= 255
    records.write_bytes(content)
    done = handbench("data", "verify", f"packed:{pack}", check=4)
    assert "CorruptError" not in done.stdout + done.stderr and "1 faults" not in done.stderr


def test_a_store_of_another_kind_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from handbench.store import manifest

    (tmp_path / "shards").mkdir()
    spec = SimpleNamespace(spec=SimpleNamespace(kind="flow/3"))
    monkeypatch.setattr(manifest, "read_manifest", lambda root: spec)
    for command in ("show", "stats"):
        with pytest.raises(HandbenchError, match=r"is a store of 'flow/3', which is not known here"):
            typed(command, tmp_path)


def test_verify_says_sound(handbench: Run, tree: Path) -> None:
    done = handbench("data", "verify", "interhand", tree, "--deep", "--all")
    assert done.stdout.splitlines()[-1].startswith(f"sound: {STEPS} of {STEPS} samples looked at")
    assert re.search(r"^units +ok +16 hands", done.stdout, re.MULTILINE)
    content = json.loads(handbench("data", "verify", f"interhand:{tree}@limit=3", "--json", check=3).stdout)
    assert content["sound"] and content["looked"] == 3 and content["coverage"]["expected"] == STEPS
    partial = handbench("data", "verify", "interhand", tree, "--set", "every=2", check=3)
    assert f"4 of {STEPS} samples" in one_line(partial)


def test_verify_names_sides_and_units_that_are_mixed_up(handbench: Run, tmp_path: Path) -> None:
    """From the file to the exit status; B.6 case 9 is refused by the loader itself."""
    done = handbench("data", "verify", "interhand", write_tree(tmp_path / "a", exchange=True), check=4)
    assert re.search(r"sides +fault +16 hands; 1 fault", done.stdout), done.stdout
    assert "left and right are exchanged" in done.stdout and "1 fault (" in one_line(done)
    done = handbench("data", "verify", "interhand", write_tree(tmp_path / "b", unit=1e-3), check=2)
    assert "seems to be in metres" in one_line(done)


def test_verify_reads_no_picture_outside_the_root(handbench: Run, tmp_path: Path) -> None:
    """B.6 case 31."""
    root = write_tree(tmp_path / "tree", image3="../../../secret.jpg", image5="/etc/passwd")
    (tmp_path / "secret.jpg").write_bytes((root / "pictures" / "00.jpg").read_bytes())
    done = handbench("data", "verify", "interhand", root, "--json", check=4)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    faults = [e["what"] for e in checks["format"]["examples"] if e["kind"] == "fault"]
    assert ["../../../secret.jpg' leaves" in faults[0], "/etc/passwd' leaves" in faults[1]] == [True, True]
    assert checks["reading"]["looked"] == STEPS - 2 and checks["pictures"]["counts"] == {}


def test_verify_errors(handbench: Run, tree: Path) -> None:
    for words, message in (
        (["interhand", tree / "none"], "no folder"),
        (["interhund", tree], "did you mean 'interhand'"),
        (["interhand", tree, "--set", "spilt=test"], "did you mean 'split'"),
        (["interhand", tree, "--set", "split=val"], "val"),
        (["a", "b", "c"], "3 names of data"),
        ([tree], str(tree)),
        (["interhand", tree, "--set", "split"], "write --set key=value"),
        ([f"interhand:{tree}@hand_model=mano:nope"], "nope"),
        (["interhand", tree, "--hand-model", "mano:nope"], "nope"),
        (["interhand", tree, "--hand-model", "smpl"], "unknown hand model 'smpl'"),
    ):
        with pytest.raises(HandbenchError, match=re.escape(message)):
            typed("verify", *words)
    assert "no folder" in one_line(handbench("data", "verify", "interhand", tree / "none", check=2))
    done = handbench("data", "verify", f"interhand:{tree}@hand_model=mano:nope", check=2)
    assert "nope" in one_line(done) and not done.stdout


def test_real_frames_lack_files_without_failing(handbench: Run, real: Path) -> None:
    done = handbench("data", "verify", "interhand", real)
    assert re.search(r"; \d+ things are missing that some uses need$", done.stdout.strip())
    assert "MANO" in done.stdout and "skeleton.txt" in done.stdout
    assert "sound: 4 of 4 samples" in done.stdout
