"""Weights on disk: safetensors with a JSON beside them; torch checkpoints as tensors only."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from handbench.config import flatten, to_dict
from handbench.errors import CorruptError, HandbenchError
from handbench.models import file_sha256
from handbench.provenance import collect
from handbench.store.files import read_sealed, replace_durably, seal

SCHEMA = "handbench-weights/1"
SUFFIX = ".safetensors"
_NAMED = 3
_MISSING = "nothing"


@dataclass(frozen=True)
class Weights:
    """A file of weights.

    Attributes:
        state: name -> tensor, on the CPU.
        info: what its JSON says: ``model``, ``config``, ``data``, ``metrics``, ``code``, ``hand_sha256`` ...
        sha256: of the file of tensors.
        path: of that file.
    """

    state: dict[str, Tensor]
    info: dict[str, Any]
    sha256: str
    path: Path


def sidecar(path: Path) -> Path:
    """Returns where the JSON of a file of weights lies: the same name, ``.json``."""
    return path.with_suffix(".json")


def save_weights(
    path: Path | str,
    state: Mapping[str, Tensor],
    model: str,
    config: Any,
    data: str = "",
    metrics: Mapping[str, float] | None = None,
    half: bool = False,
    more: Mapping[str, Any] | None = None,
) -> Weights:
    """Writes weights and their JSON; each file is whole or absent.

    Args:
        path: ``*.safetensors``.
        state: ``network.state_dict()``.
        model: ``NAME`` or ``NAME:VARIANT``.
        config: the dataclass that the network was built from. Of a hand model only the name is kept, not
            the folder.
        data: reference to the data that it was trained on.
        metrics: what was measured.
        half: keep numbers as fp16, all but the statistics of batch norm.
        more: plain values: recipe, steps, seed.

    Raises:
        HandbenchError: for another suffix, or numbers that are not finite.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise HandbenchError(f"weights are written as *{SUFFIX}, got {path}", "choose another name")
    kept = {name: _storable(name, tensor, half) for name, tensor in state.items()}
    settings = to_dict(config)
    if "hand_model" in settings:
        settings["hand_model"] = settings["hand_model"].partition(":")[0]
    replace_durably(path, to_bytes(kept))
    sha256 = file_sha256(path)
    info = {
        "schema": SCHEMA, "model": model, "config": settings, "data": data, "metrics": dict(metrics or {}),
        "sha256": sha256, "dtype": "float16" if half else "float32", "code": collect().to_dict(),
        **dict(more or {}),
    }  # fmt: skip
    replace_durably(sidecar(path), seal(info))
    return Weights(kept, info, sha256, path)


def _storable(name: str, tensor: Tensor, half: bool) -> Tensor:
    tensor = tensor.detach().cpu()
    # Variances of unbounded maps leave the range of fp16 (seen: above 65,504), and are few.
    if half and tensor.is_floating_point() and "running_" not in name:
        tensor = tensor.half()
    if not tensor.isfinite().all():
        raise HandbenchError(f"weights {name!r} are not finite", "training went wrong, or fp16 is too narrow")
    return tensor.contiguous()


def read_weights(path: Path | str) -> Weights:
    """Reads weights and their JSON.

    Raises:
        HandbenchError: when a file is missing or is something else.
        CorruptError: when bytes differ from what was written.
    """
    path = Path(path)
    state = read_tensors(path)
    beside = sidecar(path)
    if not beside.is_file():
        raise HandbenchError(
            f"{path} has no {beside.name} beside it", "copy it from where the weights are from"
        )
    info = read_sealed(beside, SCHEMA)
    sha256 = file_sha256(path)
    if info["sha256"] != sha256:
        raise CorruptError(f"{path} is not the file that {beside.name} was written for", "copy both again")
    return Weights(state, info, sha256, path)


def read_tensors(path: Path | str) -> dict[str, Tensor]:
    """Reads tensors by name: safetensors, or a torch checkpoint that holds nothing but plain values.

    Of a torch checkpoint, the mapping below ``network``, ``state_dict`` or ``model`` is taken, and the
    ``module.`` that parallel training puts before names is dropped. Code in it is never run
    (``weights_only=True``).

    Raises:
        HandbenchError: when it is missing, damaged, holds objects, or holds no tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise HandbenchError(f"no file of weights {path}", "check the path")
    if path.suffix == SUFFIX:
        try:
            return load_file(path)
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise HandbenchError(f"{path} is no safetensors file: {_line(error)}", "copy it again") from None
    try:
        with warnings.catch_warnings():
            # It warns of pickles that it refuses next.
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it holds an object, {found[1]}" if found else "it is no torch checkpoint of plain tensors"
        raise HandbenchError(
            f"{path} is refused: {reason}", "an object could run code: only tensors are read"
        ) from None
    except (
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        IndexError,
        OSError,
    ) as error:
        raise HandbenchError(f"{path} is no torch checkpoint: {_line(error)}", "copy it again") from None
    return _named_tensors(content, path)


def _named_tensors(content: Any, path: Path) -> dict[str, Tensor]:
    for key in ("network", "state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise HandbenchError(f"{path} holds no mapping of names to tensors", "give a state dict")
    wrong = [
        key for key, value in content.items() if not isinstance(key, str) or not isinstance(value, Tensor)
    ]
    if wrong:
        raise HandbenchError(f"{path}: {wrong[0]!r} is no tensor", "give a state dict")
    return {key.removeprefix("module."): value for key, value in content.items()}


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:120] or type(error).__name__


def config_differences(
    found: Mapping[str, Any], wanted: Mapping[str, Any], ignored: Iterable[str] = ()
) -> list[str]:
    """Returns the keys in which two configurations differ, with both values, in the order of ``wanted``."""
    left, right = dict(flatten(found)), dict(flatten(wanted))
    keys = [*right, *(key for key in left if key not in right)]
    skipped = set(ignored)
    return [
        f"{key}={left.get(key, _MISSING)} in the file, {right.get(key, _MISSING)} asked for"
        for key in keys
        if key.partition(".")[0] not in skipped and left.get(key, _MISSING) != right.get(key, _MISSING)
    ]


def check_config(weights: Weights, wanted: Mapping[str, Any], name: str, ignored: Iterable[str] = ()) -> None:
    """Refuses weights of another configuration.

    Raises:
        HandbenchError: naming the first keys that differ.
    """
    differing = config_differences(weights.info["config"], wanted, ignored)
    if differing:
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        raise HandbenchError(
            f"{weights.path} is of {weights.info['model']!r}, not of {name!r}:"
            f" {', '.join(differing[:_NAMED])}{more}",
            f"open it as {weights.info['model']}",
        )


def load_state(network: nn.Module, state: Mapping[str, Tensor], path: Path | str) -> None:
    """Puts tensors into a network; names and shapes must agree, numbers become the network's type.

    Raises:
        HandbenchError: naming the first that differ.
    """
    own = network.state_dict()
    missing = [key for key in own if key not in state]
    unknown = [key for key in state if key not in own]
    shapes = [
        f"{key} has shape {tuple(state[key].shape)}, expected {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    for words, keys in (("lacks", missing), ("holds unknown", unknown), ("", shapes)):
        if keys:
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            raise HandbenchError(
                f"{path} does not fit: {words} {', '.join(keys[:_NAMED])}{more}".replace(":  ", ": "),
                "is it of this network?",
            )
    network.load_state_dict({key: state[key].to(own[key].dtype) for key in own})
