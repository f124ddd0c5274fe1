"""Figures of predictions: where hands are put, what is marked, and the comparison as it is typed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Run
from ho3d_trees import CAMERA, Tree, write_released, write_tree
from hypothesis import given
from hypothesis import strategies as st

from handbench.cli.show_compare import compare
from handbench.datasets import Dataset, load_dataset
from handbench.errors import HandbenchError
from handbench.evaluate import predictions_path
from handbench.hands import load_hand_model
from handbench.predict import open_any, run
from handbench.predictions import HandPrediction, HandPredictions, Predictions
from handbench.show.compare import Block, errors, gather
from handbench.show.compare_figure import draw_figure
from handbench.show.compare_panels import joint_words, views
from handbench.show.compare_run import Run as How
from handbench.show.compare_run import find_keys, split_models, weights_of
from handbench.show.lettering import fitted, text_width, write
from handbench.show.mesh_faces import MeshFaces
from handbench.show.mesh_picture import Mesh, SideView, draw_meshes
from handbench.show.placement import PALM, PlacedHand, by_box, by_pixels, hand_at, place_hand, project
from handbench.show.view import open_view, whole, window_about
from handbench.skeleton import OPENPOSE21
from handbench.types import Side


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    found = write_tree(tmp_path_factory.mktemp("ho3d") / "tree", "v3", "evaluation")
    write_released(found)
    return found


@pytest.fixture(scope="module")
def data(tree: Tree) -> Dataset:
    return load_dataset("ho3d", tree.root, quiet=True, split="evaluation")


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


@given(st.integers(0, 2**31), st.floats(0.3, 2.0))
def test_a_hand_is_put_where_its_pixels_and_its_box_say(seed: int, depth: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-0.08, 0.08, (21, 3))
    points -= points[0]
    t = np.array([*rng.normal(0, 0.08, 2), depth])
    pixels = project(points + t, CAMERA.K)
    found = by_pixels(points, pixels, CAMERA.K)
    assert found is not None
    np.testing.assert_allclose(found, t, atol=1e-6)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    seen = project(points + by_box(points, np.concatenate([low, high - low]), CAMERA.K), CAMERA.K)
    np.testing.assert_allclose(seen.min(axis=0) + seen.max(axis=0), low + high, atol=1e-3)
    assert abs((np.ptp(seen, axis=0)).max() / (high - low).max() - 1) < 1e-5


def test_what_places_a_hand() -> None:
    joints = np.random.default_rng(1).normal(0, 0.03, (21, 3))
    joints -= joints[0]
    pixels, box = project(joints + np.array([0, 0, 0.5]), CAMERA.K), np.array([200.0, 100, 150, 120])
    hand = HandPrediction(Side.LEFT, joints, joints_2d=pixels)

    def how(hand: HandPrediction, **more: object) -> str:
        return place_hand(hand, "root_relative", CAMERA.K, **more).how  # type: ignore[arg-type]

    placed = place_hand(hand, "root_relative", CAMERA.K, box)
    assert placed.joints is not None and placed.how == "placed by its 2D joints"
    np.testing.assert_allclose(placed.joints, joints + np.array([0, 0, 0.5]), atol=1e-6)
    assert how(hand, root=np.array([0.1, 0, 0.6])) == "drawn at the true wrist"
    assert how(HandPrediction(Side.LEFT, joints), box=box) == "placed by its box"
    # A network that has learnt nothing says all joints in one place.
    poor = HandPrediction(Side.LEFT, joints, joints_2d=np.full((21, 2), 250.0))
    assert how(poor, box=box) == "placed by its box, which its 2D joints do not fill"
    assert how(HandPrediction(Side.LEFT, joints)) == "not drawn: neither 2D joints nor a box"
    assert how(HandPrediction(Side.LEFT, joints_2d=pixels)) == "2D only"
    behind = place_hand(HandPrediction(Side.LEFT, np.zeros((21, 3))), "camera", CAMERA.K)
    assert behind.how == "not drawn: behind the camera" and behind.joints is None
    # Pixels of quite another pose do not make the hand small and far.
    shuffled = HandPrediction(Side.LEFT, joints, joints_2d=pixels[::-1])
    far = place_hand(shuffled, "root_relative", CAMERA.K).joints
    assert far is not None and 0.3 < far[:, 2].mean() < 0.8
    bare = place_hand(HandPrediction(Side.LEFT, 7 * joints), "scale_free", CAMERA.K, box).joints
    assert bare is not None
    palm = np.linalg.norm(bare[0] - bare[OPENPOSE21.index("middle1")])
    assert abs(palm - PALM) < 1e-9
    assert by_pixels(np.full((21, 3), np.nan), pixels, CAMERA.K) is None


def test_rows_with_unknown_joints_are_hands(data: Dataset) -> None:
    joints = np.full((3, 21, 3), np.nan)
    joints[0], joints[1, :5] = 0.1, 0.2
    found = Predictions(data.keys[:3], {Side.RIGHT: HandPredictions(joints)})
    hands = [hand_at(found, row, Side.RIGHT) for row in range(3)]
    assert [hand is not None for hand in hands] == [True, True, False]
    assert hand_at(found, 0, Side.LEFT) is None and hands[1] is not None
    placed = place_hand(hands[1], "camera", CAMERA.K)
    assert placed.pixels is not None and np.isfinite(placed.pixels).any(axis=1).sum() == 5


@pytest.mark.parametrize("size", [(640, 480), (320, 240), (1280, 960)])
def test_a_mesh_covers_its_hand_at_any_size(tree: Tree, size: tuple[int, int]) -> None:
    scene = tree.scenes["SM1", "0012"]
    picture = np.full((480, 640, 3), 255, np.uint8)
    picture[scene.hand] = 0
    view = open_view(picture, CAMERA.K, whole(picture.shape), size)
    faces = MeshFaces().of(scene.mesh.vertices, Side.RIGHT)
    drawn = draw_meshes(view.image, view.K, [Mesh(scene.mesh.vertices, faces, (90, 160, 230))], alpha=1.0)
    covered = (drawn != view.image).any(axis=2) | (drawn[..., 2] - drawn[..., 0].astype(int) > 20)
    assert overlap(covered, view.image[..., 0] < 128) > 0.93
    np.testing.assert_allclose(view.moved(np.array([0.0, 0]))[0], size[0] / 640 / 2 - 0.5)


def test_a_view_is_cut_and_scaled_exactly() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (90, 120, 3), np.uint8)
    picture = np.asarray(cv2.GaussianBlur(noise, (0, 0), 4), np.uint8)
    view = open_view(picture, CAMERA.K, (9.5, 19.5, 60.0, 40.0), (60, 40))
    np.testing.assert_array_equal(view.image, picture[20:60, 10:70])
    np.testing.assert_allclose(view.K[:2, 2], CAMERA.K[:2, 2] - [10, 20])
    outside = open_view(picture, CAMERA.K, (-30.5, -0.5, 60.0, 40.0), (60, 40))
    assert (outside.image[:, :30] == (226, 226, 224)).all()
    boxes = np.array([[10.0, 10, 20, 10], [np.nan] * 4])
    assert window_about(boxes, picture.shape, 1.5) == (5.0, -0.0, 30.0, 30.0)
    assert window_about(boxes[1:], picture.shape)[2] == 120


def test_meshes_without_known_triangles_are_dots(tree: Tree) -> None:
    vertices = tree.scenes["SM1", "0012"].mesh.vertices
    shuffled = np.random.default_rng(0).permutation(vertices)
    assert MeshFaces().of(shuffled, Side.RIGHT) is None and MeshFaces().of(vertices[:50], Side.RIGHT) is None
    assert MeshFaces().of(vertices, Side.RIGHT, "mano") is None
    faces = MeshFaces("procedural").of(vertices, Side.RIGHT, "mano")
    np.testing.assert_array_equal(faces, load_hand_model("procedural").closed_faces)
    ground = np.zeros((480, 640, 3), np.uint8)
    dots = draw_meshes(ground, CAMERA.K, [Mesh(vertices, None, (255, 0, 0))])
    assert 778 < (dots[..., 0] > 0).sum() < 20_000 and not ground.any()


def test_the_side_view_looks_along_x() -> None:
    points = np.array([[0.0, 0, 0.5], [0.1, 0, 0.5], [0, 0.1, 0.5], [0, 0, 0.6]])
    side = SideView.beside(points, CAMERA.K, (200, 200))
    origin, along_x, down, away = side.pixels(points)
    assert abs(along_x - origin).max() < 4 and away[0] > origin[0] + 20 and down[1] > origin[1] + 20
    assert abs(away[1] - origin[1]) < 4 and abs(down[0] - origin[0]) < 4


def test_errors_are_those_of_a_plain_loop(data: Dataset) -> None:
    rng = np.random.default_rng(3)
    sample = data[0]
    true = sample.hands[0]
    said = true.joints + rng.normal(0, 0.01, (21, 3)) + [0.3, 0, 0.1]
    mean, worst = errors([PlacedHand(Side.RIGHT, said, None, None, "")], sample)
    apart = [
        1000
        * sum((said[j, k] - said[0, k] - true.joints[j, k] + true.joints[0, k]) ** 2 for k in range(3)) ** 0.5
        for j in range(21)
        if true.joints_valid[j]
    ]
    assert mean == pytest.approx(np.mean(apart)) and worst is not None
    assert worst.error == pytest.approx(max(apart)) and apart[worst.joint] == max(apart)
    np.testing.assert_allclose(np.linalg.norm(worst.truth - said[worst.joint]) * 1000, worst.error)
    assert errors([PlacedHand(Side.LEFT, said, None, None, "")], sample) == (None, None)
    words = {joint_words(j) for j in range(21)}
    assert len(words) == 21 and {"wrist", "thumb tip", "ring finger joint 2"} <= words


def test_the_worst_joint_is_marked_where_it_is(data: Dataset, tmp_path: Path) -> None:
    [block] = gather(data, find_keys(data, ["ABF10/0001"]), ["oracle-noise:8"], How(tmp_path, quiet=True))
    assert block.earlier is not None and block.said[0].before and block.truth is not None
    marked = draw_figure([block], MeshFaces())
    plain = draw_figure([_unmarked(block)], MeshFaces())
    changed = (marked != plain).any(axis=2)
    worst = block.said[0].worst
    assert worst is not None
    hand = block.said[0].now[worst.hand]
    assert hand.joints is not None
    at = views(block)[0].moved(project(hand.joints[[worst.joint]], CAMERA.K))[0]
    top, left = marked.shape[0] - 6 - 346, 196 + 6
    for column in (1, 2):
        cell = changed[top : top + 340, left + column * 346 :][:, :340]
        # The ring, on all four sides.
        for point in at + 18 * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]]):
            x, y = np.round(point).astype(int)
            assert cell[y - 2 : y + 3, x - 2 : x + 3].any()
    assert not changed[top : top + 340, left : left + 340].any()


def _unmarked(block: Block) -> Block:
    said = [dataclasses.replace(one, worst=None) for one in block.said]
    return dataclasses.replace(block, said=said)


def test_compare_as_typed(tree: Tree, tmp_path: Path, handbench: Run) -> None:
    words = ("--data", f"ho3d:{tree.root}@split=evaluation", "--results", tmp_path / "results", "--quiet")
    out = tmp_path / "fig.png"
    said = handbench("show", "compare", "--models", "mean-hand,oracle-noise:8", *words, "--out", out,
                     "ABF10/0001", "SM1/0012")  # fmt: skip
    figure = cv2.imread(str(out))
    assert figure is not None and figure.shape[1] == 1586
    assert "2 samples, 2 models" in said.stdout and "oracle-noise:8: " in said.stdout
    kept = sorted((tmp_path / "results" / "predictions").glob("*.h5"))
    assert len(kept) == 2
    times = [path.stat().st_mtime_ns for path in kept]
    run_compare("ABF10/0001", "SM1/0012", "--models", "mean-hand,oracle-noise:8", "--out", out, *words)
    assert [path.stat().st_mtime_ns for path in kept] == times
    assert "compare" in handbench("show", "--help").stdout


def test_predictions_of_the_whole_split_are_used(data: Dataset, tree: Tree, tmp_path: Path) -> None:
    name = "oracle-noise:8"
    path = predictions_path(tmp_path, name, data, open_any(name))
    path.parent.mkdir(parents=True)
    run(name, data, path, quiet=True)
    how = How(tmp_path, quiet=True)
    [block] = gather(data, find_keys(data, ["SM1/0012"]), [name, f"{name}+one-euro"], how)
    assert block.earlier is None and "there is no frame t - 1" in block.facts
    # The filter alone is new, and has the frames of that video.
    fresh = {p.name for p in path.parent.iterdir()} - {path.name}
    assert len(fresh) == 2 and all("one-euro" in p for p in fresh)
    assert block.said[0].error is not None and block.said[0].error < 40


def test_pictures_of_ones_own_are_compared_without_errors(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    for k in (1, 2):
        cv2.imwrite(str(folder / f"{k}.png"), np.full((60, 80, 3), 60 * k, np.uint8))
    ref = f"images:{folder}@boxes=20:10:30:40"
    said = run_compare("2.png", "--models", "mean-hand", "--data", ref, "--out", tmp_path / "a.png",
                       "--results", tmp_path)  # fmt: skip
    assert "mean-hand: no annotation, so no error" in said
    figure = cv2.imread(str(tmp_path / "a.png"))
    assert figure is not None and figure.shape[0] < 1000


def run_compare(*words: object) -> str:
    done = CliRunner().invoke(compare, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("SM1/0013", "--models", "zero"), "no sample 'SM1/0013' in ho3d_v3 evaluation"),
        (("0001", "--models", "zero"), "'0001' is the end of 2 keys: ho3d_v3/evaluation/ABF10/0001, "),
        (("SM1/0012",) * 9 + ("--models", "zero"), "9 keys (name 1 to 8 samples)"),
        (("SM1/0012", "--models", ","), "--models names 0"),
        (("SM1/0012", "--models", "zerro"), "unknown model 'zerro' (did you mean 'zero'?)"),
        (("SM1/0012", "--models", "zero", "--weights", "ifvonet=a.pt"), "--weights ifvonet=a.pt"),
        (("SM1/0012", "--models", "zero", "--out", "fig.jpg"), "--out fig.jpg: a figure is a PNG"),
        (("SM1/0012", "--models", "ifvonet-tiny,zero"), "'ifvonet-tiny'"),
        (("SM1/0012", "--models", "zero", "--hand-model", "manno"), "unknown hand model 'manno'"),
    ],
)
def test_comparisons_that_cannot_be(words: Sequence[str], message: str, tree: Tree, tmp_path: Path) -> None:
    fixed = ["--data", f"ho3d:{tree.root}@split=evaluation", "--out", str(tmp_path / "f.png")]
    fixed += (
        ["--weights", f"ifvonet-tiny={tmp_path}/none.safetensors"] if "ifvonet-tiny,zero" in words else []
    )
    with pytest.raises(HandbenchError) as error:
        run_compare(*fixed, *words, "--results", tmp_path, "--quiet")
    assert message in str(error.value) or "no file of weights" in str(error.value)


def test_names_of_models_may_hold_settings() -> None:
    assert split_models("zero,ifvonet:iv-tf,prev_gap=2+one-euro, mean-hand") == [
        "zero", "ifvonet:iv-tf,prev_gap=2+one-euro", "mean-hand"
    ]  # fmt: skip
    models = ["ifvonet", "ifvonet:prev_gap=2"]
    assert weights_of(["ifvonet:prev_gap=2=a=b.st"], models) == {"ifvonet:prev_gap=2": Path("a=b.st")}
    with pytest.raises(HandbenchError, match="write MODEL=FILE"):
        weights_of(["ifvonet="], models)


def test_text_is_cut_in_the_middle_and_stays_inside() -> None:
    assert fitted("short", 200, 14) == "short" and fitted("x", 1, 14) == ""
    cut = fitted("ho3d_v3/evaluation/SM1/0012", 120, 14)
    assert "…" in cut and cut.startswith("ho3d") and cut.endswith("12") and text_width(cut, 14) <= 120
    image = np.full((20, 40, 3), 255, np.uint8)
    write(image, "outside", (60, 10))
    assert (image == 255).all()
    write(image, "$edge", (25, 14), 14)
    assert (image < 255).any() and (image[:, :20] == 255).all()
    write(image, "", (0, 14))
    assert (image[:, :20] == 255).all() and text_width("", 14) < 10
