"""The rasteriser against a slow reference, and its ties, edges, textures and hard cases."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from handbench.errors import HandbenchError
from handbench.synth.raster import RasterRenderer
from handbench.synth.renderers import make_renderer
from handbench.synth.scene import FloatArray, HandScene, Lights, Part
from handbench.synth.trial import trial_scene

Faces = npt.NDArray[np.int32]
AMBIENT = Lights(np.ones(3), np.zeros((0, 3)), np.zeros((0, 3)))


def scene_of(*parts: Part, size: int = 48, focal: float = 60.0) -> HandScene:
    K = np.array([[focal, 0.0, (size - 1) / 2 + 0.3], [0.0, focal * 1.1, (size - 1) / 2], [0.0, 0.0, 1.0]])
    return HandScene(K, (size, size), parts, AMBIENT, np.zeros((size, size, 3), np.uint8), 0.0)


def part_of(vertices: FloatArray, faces: Faces, name: str = "object") -> Part:
    colors = np.full((len(vertices), 3), 255, np.uint8)
    return Part(name, vertices, faces, colors=colors)


def trace(scene: HandScene, part: Part) -> tuple[FloatArray, FloatArray]:
    """Gives the depth at each pixel by ray and triangle, and how far from an edge each decision was."""
    w, h = scene.size
    ys, xs = np.mgrid[:h, :w]
    rays = np.stack([xs, ys, np.ones_like(xs)], -1) @ np.linalg.inv(scene.K).T
    depth, margin = np.full((h, w), np.inf), np.full((h, w), np.inf)
    for face in part.faces:
        corners = part.vertices[face]
        if np.linalg.matrix_rank(corners) < 3:
            continue
        weights = rays @ np.linalg.inv(corners)
        z = 1.0 / weights.sum(-1)
        inside = (weights >= 0).all(-1)
        depth = np.where(inside & (z < depth), z, depth)
        margin = np.minimum(margin, np.abs(weights / np.abs(weights).sum(-1, keepdims=True)).min(-1))
    return depth, margin


@pytest.mark.parametrize("seed", range(8))
def test_masks_and_depths_equal_ray_casting(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vertices = rng.normal(size=(30, 3)) * [0.25, 0.25, 0.2] + [0.0, 0.0, 0.9]
    part = part_of(vertices, rng.integers(0, 30, (20, 3)).astype(np.int32))
    scene = scene_of(part)
    layers = RasterRenderer().render(scene)
    depth, margin = trace(scene, part)
    clear = margin > 1e-9
    assert clear.mean() > 0.99
    assert np.array_equal(layers.mask("object")[clear], np.isfinite(depth)[clear])
    both = clear & np.isfinite(depth)
    assert np.abs(layers.depth("object")[both] - depth[both]).max() < 2e-6


def test_shared_edges_are_drawn_once() -> None:
    rng = np.random.default_rng(1)
    renderer = RasterRenderer()
    K = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    for _ in range(40):
        # Corners on pixel centres: every tie there is.
        points = rng.integers(-2, 40, (4, 2)).astype(float)
        centre = points.mean(0)
        points = points[np.argsort(np.arctan2(*(points - centre).T))]
        vertices = np.vstack([np.column_stack([points, np.ones(4)]), [*centre, 1.0]])
        fan = [[k, (k + 1) % 4, 4] for k in range(4)]
        parts = [part_of(vertices, np.array([face], np.int32), f"t{k}") for k, face in enumerate(fan)]
        parts.append(part_of(vertices, np.array(fan, np.int32), "all"))
        layers = renderer.render(dataclasses.replace(scene_of(*parts), K=K))
        times = np.sum([layers.mask(f"t{k}") for k in range(4)], axis=0)
        assert times.max() <= 1
        assert np.array_equal(times == 1, layers.mask("all"))


def test_same_bits_every_time() -> None:
    first, second = RasterRenderer(), RasterRenderer()
    for seed in range(3):
        scene = trial_scene(seed)
        layers = first.render(scene)
        picture = layers.compose(scene, layers.names)
        second.render(trial_scene(seed + 10))
        again = second.render(scene)
        assert np.array_equal(picture, again.compose(scene, again.names))
        for name in layers.names:
            assert np.array_equal(layers.depth(name), again.depth(name))


def test_texture_is_perspective_correct() -> None:
    n = 129
    ramp = np.zeros((n, n, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(n)[None, :] * 1.9, np.arange(n)[:, None] * 1.9
    corners = np.array([[-0.4, -0.3, 0.5], [0.5, -0.4, 1.6], [0.6, 0.5, 1.9], [-0.3, 0.4, 0.6]])
    corners[2] = corners[1] + corners[3] - corners[0]
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    uv = (np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * (n - 1))[faces]
    part = Part("object", corners, faces, texture=ramp, uv=uv)
    scene = scene_of(part)
    layers = RasterRenderer().render(scene)
    picture = layers.compose(scene, ["object"]).astype(float)
    ys, xs = np.nonzero(layers.mask("object"))
    rays = np.stack([xs, ys, np.ones_like(xs)], -1) @ np.linalg.inv(scene.K).T
    points = rays * layers.depth("object")[ys, xs, None]
    frame = np.stack([corners[1] - corners[0], corners[3] - corners[0]], 1)
    st = np.linalg.lstsq(frame, (points - corners[0]).T, rcond=None)[0].T * (n - 1) * 1.9
    inner = ((st > 8) & (st < 235)).all(1)
    assert np.abs(picture[ys, xs, :2] - st)[inner].max() < 2.5


def test_edges_are_covered_by_share() -> None:
    for turn in np.linspace(0.1, 1.4, 5):
        c, s = np.cos(turn), np.sin(turn)
        square = np.array([[c, s], [-s, c], [-c, -s], [s, -c]]) * 0.21
        part = part_of(np.column_stack([square, np.ones(4)]), np.array([[0, 2, 1], [0, 3, 2]], np.int32))
        scene = scene_of(part)
        layers = RasterRenderer().render(scene)
        # Samples are averaged as squares.
        share = (layers.compose(scene, ["object"])[..., 0] / 255.0) ** 2
        exact = 0.42**2 / 2 * 60.0 * 66.0
        assert abs(share.sum() - exact) < 0.02 * exact
        assert ((share > 0.1) & (share < 0.9)).sum() > 20


@pytest.mark.parametrize(
    "vertices",
    [
        [[0.0, 0.0, -1.0], [0.1, 0.0, -1.0], [0.0, 0.1, -1.0]],
        [[0.0, 0.0, 1e-4], [0.1, 0.0, 1.0], [0.0, 0.1, 1.0]],
        [[5.0, 5.0, 1.0], [5.1, 5.0, 1.0], [5.0, 5.1, 1.0]],
        [[0.0, 0.0, 1.0], [0.1, 0.1, 1.0], [0.2, 0.2, 1.0]],
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        [[1e9, 0.0, 0.002], [-1e9, 1e9, 0.002], [0.0, -1e9, 3e9]],
    ],
)
def test_hard_triangles_draw_nothing_or_something(vertices: list[list[float]]) -> None:
    part = part_of(np.array(vertices), np.array([[0, 1, 2], [0, 2, 1], [0, 0, 0]], np.int32))
    scene = scene_of(part, part_of(np.zeros((0, 3)), np.zeros((0, 3), np.int32), "nothing"))
    layers = RasterRenderer().render(scene)
    assert not layers.mask("nothing").any()
    assert layers.compose(scene, layers.names).shape == (48, 48, 3)
    assert np.isfinite(layers.depth("object")[layers.mask("object")]).all()


def test_bad_arrays_are_named() -> None:
    good = part_of(np.eye(3) + np.array([0.0, 0.0, 1.0]), np.array([[0, 1, 2]], np.int32))
    nan = dataclasses.replace(good, vertices=np.full((3, 3), np.nan))
    far = dataclasses.replace(good, faces=np.array([[0, 1, 7]], np.int32))
    bare = dataclasses.replace(good, colors=None)
    for part, words in ((nan, "not finite"), (far, "outside 0..2"), (bare, "no colour")):
        with pytest.raises(HandbenchError, match=f"'object'.*{words}"):
            RasterRenderer().render(scene_of(part))


def test_read_only_arrays_are_taken() -> None:
    scene = trial_scene(0, size=64)
    renderer = make_renderer("raster")
    expected = renderer.render(scene).mask("right")
    for part in scene.parts:
        part.vertices.flags.writeable = False
    assert np.array_equal(renderer.render(scene).mask("right"), expected)


def test_background_must_fit_the_size() -> None:
    scene = dataclasses.replace(trial_scene(0, size=64), background=np.zeros((64, 60, 3), np.uint8))
    layers = RasterRenderer().render(scene)
    with pytest.raises(HandbenchError, match="background is uint8"):
        layers.compose(scene, ["right"])


def test_ambient_harmonics_of_order_0_are_ambient_light() -> None:
    scene = trial_scene(1, size=96)
    sh = np.zeros((9, 3))
    sh[0] = scene.lights.ambient
    same = dataclasses.replace(scene, lights=dataclasses.replace(scene.lights, sh=sh))
    renderer = RasterRenderer()
    plain = renderer.render(scene).compose(scene, ["right", "left"])
    assert np.array_equal(renderer.render(same).compose(same, ["right", "left"]), plain)
    sh[1] = -0.3
    above = dataclasses.replace(scene, lights=dataclasses.replace(scene.lights, sh=sh))
    assert not np.array_equal(renderer.render(above).compose(above, ["right", "left"]), plain)


def test_unknown_renderer_gets_the_nearest_name() -> None:
    with pytest.raises(HandbenchError, match="raster"):
        make_renderer("rastr")
