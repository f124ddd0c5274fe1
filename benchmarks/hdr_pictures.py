"""Prints what the holes of AIH are filled with, by HDRNet and by what does not learn, on the same crops.

    python benchmarks/hdr_pictures.py --data aih:DIR@split=test [--model hdrnet-tiny] [--weights FILE]
    python benchmarks/hdr_pictures.py --data aih:DIR@split=test --strip docs/images/hdrnet_tiny.jpg

Masks are the annotation's. De-occlusion is scored over the target's hidden part, removal over what was taken
away outside of the target: the other hand, its forearm and shadow, as ``handbench evaluate`` does. Removal is
also scored over the other hand alone, the hole that every method is told. Telea gets the hole as it is and
widened as the pipeline does; ``telea, told all`` also gets forearms and shadows, which nobody else is told.
Differences are of the same pictures; their intervals are bootstrapped over scenes: pictures of one photograph
or of one rendered scene are drawn together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click
import cv2
import numpy as np
import torch

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.baselines.fill import fill_mean, fill_telea
from handbench.baselines.hdr_masks import dilate, hdr_masks
from handbench.baselines.hdrnet_model import HDRNetModel
from handbench.baselines.hdrnet_network import masks_in_order, to_bytes
from handbench.datasets import DataRef
from handbench.loaders import batches
from handbench.metrics.crop_sampling import sample_mask, sample_picture
from handbench.metrics.pictures import all_hole_errors
from handbench.models import open_model

REGIONS = ("de-occlusion", "removal", "removal, the hand alone")
MEASURES = ("PSNR", "SSIM", "L1")
BATCH, DRAWS, WIDE = 64, 2000, 3


@dataclass(frozen=True)
class Crops:
    """N crops; all pictures (N, h, w, 3) uint8, all masks (N, h, w).

    Attributes:
        images: what a method sees.
        truths: the target alone, sampled as the protocol does.
        regions: (3, N, h, w), in the order of ``REGIONS``.
        told: the hole, of both hands.
        inside: where a crop shows its picture.
        model: what the model made of them.
        scenes: (N,) number of the scene.
        rendered: (N,) rendered, not pasted.
    """

    images: ImageArray
    truths: ImageArray
    regions: BoolArray
    told: BoolArray
    inside: BoolArray
    model: ImageArray
    scenes: FloatArray
    rendered: BoolArray


def widened(masks: BoolArray, side: int) -> BoolArray:
    """Returns masks (N, h, w) widened by an ellipse."""
    return (dilate(torch.from_numpy(masks[:, None].astype(np.float32)), side) > 0)[:, 0].numpy()


def methods(crops: Crops, name: str) -> dict[str, Callable[[], ImageArray]]:
    """Returns what fills the holes, by name."""
    wide, inside = widened(crops.told, WIDE), crops.inside
    everything = widened(crops.told | crops.regions[1], WIDE)
    return {
        name: lambda: crops.model,
        "telea": lambda: fill_telea(crops.images, crops.told, inside),
        "telea, widened": lambda: fill_telea(crops.images, wide, inside),
        "telea, told all": lambda: fill_telea(crops.images, everything, inside),
        "mean colour": lambda: fill_mean(crops.images, wide, inside),
        "nothing painted": lambda: crops.images,
    }


def read_crops(data: str, model: HDRNetModel, number: int) -> Crops:
    """Reads the crops that the model sees, each with its truth, and completes them."""
    dataset = DataRef.parse(data).open(quiet=True)
    rows = {key: i for i, key in enumerate(dataset.keys)}
    parts: dict[str, list[Any]] = {key: [] for key in Crops.__annotations__}
    names: dict[str, int] = {}
    for batch in batches(dataset, model.inputs, BATCH):
        masks = masks_in_order(batch)
        told = hdr_masks(*masks.unbind(1))
        shown = batch.images[:, 0]
        done = to_bytes(model.complete(batch.normalised(model.inputs)[:, 0], masks), model.inputs)
        hidden, hand = (mask[:, 0].numpy() > 0 for mask in (told.r_invisible, told.l_invisible))
        for i, key in enumerate(batch.keys):
            sample, affine = dataset[rows[key]], batch.affine[i, 0].numpy().astype(np.float64)
            if not (hidden[i].any() or hand[i].any()) or "target_image" not in sample.meta:
                continue
            size = model.inputs.size
            width, height = sample.camera.size
            gone = sample_mask(sample.meta["removed"].read(), affine, size) & ~masks[i, 0].numpy()
            parts["images"].append(shown[i].permute(1, 2, 0).numpy())
            parts["truths"].append(sample_picture(sample.meta["target_image"].read(), affine, size))
            parts["regions"].append(np.stack([hidden[i], gone, hand[i]]))
            parts["told"].append(hidden[i] | hand[i])
            parts["inside"].append(sample_mask(np.ones((height, width), dtype=np.bool_), affine, size))
            parts["model"].append(done[i].permute(1, 2, 0).numpy())
            parts["scenes"].append(names.setdefault(sample.meta["recording"], len(names)))
            parts["rendered"].append(sample.meta["part"] == "render")
        if number and len(parts["told"]) >= number:
            break
    arrays = {key: np.stack(values)[: number or None] for key, values in parts.items()}
    arrays["regions"] = np.moveaxis(arrays["regions"], 1, 0)
    return Crops(**arrays)


def interval(values: FloatArray, scenes: FloatArray, seed: int = 0) -> tuple[float, float, float]:
    """Returns the mean of (N,) values and the ends of its 95 % interval, bootstrapped over scenes."""
    there = np.isfinite(values)
    values, groups = values[there], np.unique(scenes[there], return_inverse=True)[1]
    sums, counts = np.bincount(groups, values), np.bincount(groups)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(DRAWS, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def print_table(crops: Crops, name: str) -> None:
    """Prints each method's numbers, and how much better the model's PSNR is on the same pictures."""
    found = {
        label: np.stack([all_hole_errors(pictures, crops.truths, region) for region in crops.regions])
        for label, make in methods(crops, name).items()
        for pictures in (make(),)
    }
    for k, region in enumerate(REGIONS):
        count = int(np.isfinite(found[name][k, :, 0]).sum())
        print(f"\n{region}: {count} pictures of {len(np.unique(crops.scenes))} scenes")
        print(f"{'':18}{'PSNR':>8}{'pasted':>8}{'render':>8}{'SSIM':>8}{'L1':>8}   {name} better by, dB")
        for label, values in found.items():
            psnr, ssim, l1 = np.nanmean(values[k], axis=0)
            pasted, rendered = (
                np.nanmean(values[k, part, 0]) if np.isfinite(values[k, part, 0]).any() else np.nan
                for part in (~crops.rendered, crops.rendered)
            )
            more = ""
            if label != name:
                mean, low, high = interval(found[name][k, :, 0] - values[k, :, 0], crops.scenes)
                more = f"   {mean:+.2f} ({low:+.2f} to {high:+.2f})"
            print(f"{label:18}{psnr:8.2f}{pasted:8.2f}{rendered:8.2f}{ssim:8.3f}{l1:8.2f}{more}", flush=True)


def draw_strip(crops: Crops, path: Path, rows: int = 8, side: int = 128) -> None:
    """Writes pictures beside each other: input, hole, Telea, the model, truth; evenly chosen by area."""
    areas = crops.told.mean(axis=(1, 2))
    order = np.argsort(areas)
    chosen = order[(np.linspace(0.2, 0.97, rows) * (len(order) - 1)).astype(int)]
    telea = fill_telea(crops.images[chosen], widened(crops.told[chosen], WIDE), crops.inside[chosen])
    lines = []
    for at, i in enumerate(chosen):
        hole = np.where(crops.told[i][..., None], np.uint8(255), crops.images[i])
        tiles = (crops.images[i], hole, telea[at], crops.model[i], crops.truths[i])
        lines.append(np.concatenate([cv2.resize(tile, (side, side)) for tile in tiles], axis=1))
    half = rows // 2
    sheet = np.concatenate([np.concatenate(lines[:half]), np.concatenate(lines[half:])], axis=1)
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


@click.command()
@click.option("--data", required=True, help="aih:DIR@split=test")
@click.option("--model", "name", default="hdrnet-tiny", show_default=True)
@click.option("--weights", type=click.Path(path_type=Path, exists=True), help="By default those that ship.")
@click.option("--number", default=0, help="Crops; 0 for all.")
@click.option("--strip", type=click.Path(path_type=Path), help="Write a picture of some crops.")
def main(data: str, name: str, weights: Path | None, number: int, strip: Path | None) -> None:
    """Compares fills on the crops of AIH's targets."""
    model = cast(HDRNetModel, open_model(name, weights))
    crops = read_crops(data, model, number)
    print_table(crops, name)
    if strip:
        draw_strip(crops, strip)


if __name__ == "__main__":
    main()
