"""What the benchmarks of networks share: batches of noise, clocks, the rates of a device, tables on disk."""

from __future__ import annotations

import csv
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from handbench.arrays import BoolArray
from handbench.baselines.trainable import Trainable
from handbench.errors import HandbenchError
from handbench.inputs import MASKS, Inputs
from handbench.loaders.batch import Batch, Labels
from handbench.models import MODELS

CPU_MATMUL, GPU_MATMUL = 2048, 8192


@dataclass(frozen=True)
class Clock:
    """Times of the same work, each until the device had done it.

    Attributes:
        seconds: of each round.
        processor: processor time of each round: what the clock cannot tell on a machine that others use.
    """

    seconds: tuple[float, ...]
    processor: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half of the range between the first and the last decile, as a share of the median."""
        if len(self.seconds) < 2:
            return 0.0
        low, *_, high = statistics.quantiles(self.seconds, n=10, method="inclusive")
        return (high - low) / 2 / self.median


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def clocked(
    work: Callable[[], Any], device: torch.device, seconds: float, least: int = 3, most: int = 200
) -> Clock:
    """Repeats work for about ``seconds``, ``least`` to ``most`` times; the caller has warmed it up."""
    times: list[float] = []
    processor: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < least or (time.perf_counter() < end and len(times) < most):
        wait(device)
        started, spent = time.perf_counter(), time.process_time()
        work()
        wait(device)
        times.append(time.perf_counter() - started)
        processor.append(time.process_time() - spent)
    return Clock(tuple(times), tuple(processor))


def matmul_rate(device: torch.device) -> float:
    """Returns floating-point operations a second of a large product: bf16 on a GPU, fp32 on a CPU."""
    gpu = device.type == "cuda"
    n, dtype = (GPU_MATMUL, torch.bfloat16) if gpu else (CPU_MATMUL, torch.float32)
    first, second = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    for _ in range(3):
        first @ second
    many = 10 if gpu else 1

    def work() -> None:
        for _ in range(many):
            first @ second

    return many * 2 * n**3 / clocked(work, device, 1.0, least=3, most=20).median


def copy_rate(device: torch.device) -> float:
    """Returns bytes a second, read and written, of a copy in the device's memory."""
    source = torch.randn((1 << 28) if device.type == "cuda" else (1 << 24), device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * source.nbytes / clocked(lambda: target.copy_(source), device, 0.5, most=20).median


def device_words(device: torch.device) -> str:
    """Returns the device in words: name, memory, driver's toolkit."""
    if device.type != "cuda":
        return f"CPU, {torch.get_num_threads()} threads, {platform.machine()}"
    found = torch.cuda.get_device_properties(device)
    return f"{found.name}, {found.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"


def synthetic_batch(inputs: Inputs, count: int, device: torch.device) -> Batch:
    """Makes a batch of noise, on the device: pictures, and masks of two hands where they are asked for."""
    width, height = inputs.size
    frames, draw = inputs.frames, torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, frames, height, width, 3), dtype=torch.uint8, generator=draw)
    targets = images[:, 0].flip(1).permute(0, 3, 1, 2) if inputs.target_image else None
    bits = np.packbits(two_discs(width, height).reshape(len(MASKS), -1), axis=-1) if inputs.masks else None
    current = _labels(count, width, draw)
    batch = Batch(
        **{field.name: getattr(current, field.name) for field in fields(Labels)},
        keys=tuple(f"noise/train/{i}" for i in range(count)),
        side=torch.zeros(count, dtype=torch.int64), flipped=torch.zeros(count, dtype=torch.bool),
        images=images.permute(0, 1, 4, 2, 3), affine=torch.eye(2, 3).repeat(count, frames, 1, 1),
        frame_valid=torch.ones(count, frames, dtype=torch.bool),
        mask_bits=None if bits is None else torch.from_numpy(bits).repeat(count, 1, 1),
        mask_names=inputs.masks, target_images=targets,
        earlier=tuple(_labels(count, width, draw) for _ in range(frames - 1)),
    )  # fmt: skip
    return batch.to(device)


def two_discs(width: int, height: int) -> BoolArray:
    """Returns masks (4, height, width) in the order of ``MASKS``: two hands, the other one in front."""
    y, x = np.ogrid[:height, :width]
    both = ((x - width * at) ** 2 + (y - height / 2) ** 2 < (width / 7) ** 2 for at in (0.4, 0.6))
    target, other = both
    return np.stack([target, target & ~other, other, other])


def _labels(count: int, size: int, draw: torch.Generator) -> Labels:
    def noise(*shape: int, scale: float) -> Tensor:
        return scale * torch.randn(count, 2, *shape, generator=draw)

    def all_true(*shape: int) -> Tensor:
        return torch.ones(count, 2, *shape, dtype=torch.bool)

    camera = torch.tensor([[500.0, 0, size / 2], [0, 500.0, size / 2], [0, 0, 1]])
    return Labels(
        K=camera.repeat(count, 1, 1), K_hands=camera.repeat(count, 2, 1, 1), hand_valid=all_true(),
        joints=noise(21, 3, scale=0.1), joints_valid=all_true(21),
        joints_2d=noise(21, 2, scale=size / 8) + size / 2, joints_2d_valid=all_true(21),
        visibility=noise(21, scale=0.0) + 1, pose=noise(48, scale=0.2), betas=noise(10, scale=1.0),
        transl=noise(3, scale=0.1), params_valid=all_true(), box=noise(4, scale=0.0) + size / 2,
        box_valid=all_true(), occlusion=noise(scale=0.0), vertices=None,
    )  # fmt: skip


def open_trainable(name: str) -> Trainable:
    """Makes the trainable of ``NAME`` or ``NAME:VARIANT``.

    Raises:
        HandbenchError: for an unknown name, or a model that is not trained.
    """
    word, _, variant = name.partition(":")
    make = MODELS.get(word).trainable
    if make is None:
        raise HandbenchError(f"model {word!r} is not trained", "name one of its stages")
    return make(variant)  # type: ignore[no-any-return]


def graphed(work: Callable[..., Any], *examples: Tensor) -> Callable[..., Any]:
    """Returns work as one CUDA graph, which replays its kernels.

    Args:
        work: of tensors; their shapes and layouts are those of the examples from then on.
        examples: tensors like those to come.

    Returns:
        A call of as many tensors, which are copied to where the kernels read. Its result is overwritten by
        the next call.
    """
    places = [example.clone() for example in examples]
    stream = cast(Any, torch.cuda.Stream)()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            work(*places)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = work(*places)

    def call(*given: Tensor) -> Any:
        for place, value in zip(places, given, strict=True):
            place.copy_(value)
        graph.replay()
        return found

    return call


def first_line(error: Exception) -> str:
    """Returns the first line of what an error says, at most 100 characters."""
    return str(error).strip().partition("\n")[0][:100] or type(error).__name__


def make_plain(network: nn.Module) -> nn.Module:
    """Makes a network compute as ordinary code does: pictures and maps with channels first in memory.

    The layers ask for channels last here and there, and a convolution follows its input; so each input of a
    convolution is laid out anew.
    """
    # The stubs of torch know no memory_format without a device.
    network = cast(Any, network).to(memory_format=torch.contiguous_format)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(lambda _, args: (args[0].contiguous(),))
    return network


def channels_first(batch: Batch) -> Batch:
    """Returns a batch whose pictures lie channels first in memory."""
    return replace(batch, images=batch.images.contiguous())


def counted_flops(work: Callable[[], Any]) -> int:
    """Returns the operations of work in products, convolutions and attention, two a multiply-add."""
    fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    counter = FlopCounterMode(display=False, custom_mapping={fused: _attention_flops})
    with counter:
        work()
    return int(counter.get_total_flops())


def _attention_flops(query: torch.Size, key: torch.Size, value: torch.Size, *rest: Any, **more: Any) -> int:
    """Operations of the CPU's fused attention, which torch's counter does not know."""
    return 2 * query.numel() * key[-2] + 2 * query[:-1].numel() * value[-2:].numel()


@contextmanager
def fresh(device: torch.device) -> Iterator[None]:
    """Forgets compiled code and the memory of what ran before."""
    torch._dynamo.reset()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    yield


def peak_gb(device: torch.device) -> float | None:
    """Returns the greatest memory of the device since it was made fresh [GB]; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None


class Table:
    """Rows that are on disk as soon as they are measured: ``NAME.csv``, ``NAME.json`` and ``NAME.md``.

    Args:
        folder: where they go; None prints only.
        name: of the files.
        about: what holds for all rows.
    """

    def __init__(self, folder: Path | None, name: str, about: Mapping[str, Any]) -> None:
        self.rows: list[dict[str, Any]] = []
        self.about = dict(about)
        self._folder, self._name = folder, name

    def add(self, row: Mapping[str, Any]) -> None:
        """Takes a row, prints it, and writes all of them."""
        self.rows.append(dict(row))
        print("  ".join(f"{key} {_cell(value)}" for key, value in row.items() if value != ""), flush=True)
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / self._name
        path.with_suffix(".json").write_text(json.dumps({"about": self.about, "rows": self.rows}, indent=1))
        path.with_suffix(".md").write_text(self.markdown())
        with path.with_suffix(".csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, _columns(self.rows), restval="")
            writer.writeheader()
            writer.writerows(self.rows)

    def markdown(self) -> str:
        """Returns what holds for all rows and a table."""
        columns = _columns(self.rows)
        lines = [f"- {key}: {_cell(value)}" for key, value in self.about.items()]
        lines += ["", f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
        lines += [f"| {' | '.join(_cell(row.get(name, '')) for name in columns)} |" for row in self.rows]
        return "\n".join(lines) + "\n"


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) and abs(value) < 1e4 else str(value)
