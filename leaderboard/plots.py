"""Plots of measured results: PCK curves over each other, and error against occlusion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handbench.errors import HandbenchError
from handbench.leaderboard.files import write_whole
from handbench.leaderboard.names import full_name
from handbench.leaderboard.results import Result
from handbench.leaderboard.schema import Row
from handbench.registry import nearest

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0a66c2", "#c8501e", "#0c8560", "#9a3fb5", "#a87900", "#c2255c", "#2b9ab0", "#5f6b7a")
_DASHES = ("-", "--", ":", "-.")
_OCCLUSION = re.compile(r"occlusion ([\d.]+)-([\d.]+)")


def pck_figure(results: Sequence[Result], curve: str = "") -> Figure:
    """Draws one curve of each result over the others; results without it are left out.

    Args:
        results: of one dataset and protocol, where the curves are to be compared.
        curve: name of the curve, e.g. ``PA-PCK joints``; without one the first of the first result.

    Raises:
        HandbenchError: when no result has the curve, with the nearest name that one has.
    """
    names = list(dict.fromkeys(item.name for result in results for item in result.curves))
    wanted = curve or next(iter(names), "")
    drawn = [(result, item) for result in results for item in result.curves if item.name == wanted]
    if not drawn:
        raise HandbenchError(f"no result has the curve {wanted!r}", nearest(wanted, names))
    figure, axes = _open()
    for i, (result, item) in enumerate(drawn):
        axes.plot(item.x, item.y, _dash(i), color=_colour(i), lw=1.6, label=_label(result.rows))
    axes.set(xlabel=f"threshold [{drawn[0][1].x_unit}]", ylabel=f"{wanted} [{drawn[0][1].y_unit}]")
    axes.margins(x=0)
    axes.set_ylim(0, 100 if drawn[0][1].y_unit == "%" else None)
    return _finish(figure, axes)


def occlusion_figure(results: Sequence[Result], metric: str = "", subset: str = "all") -> Figure:
    """Draws a metric against the hidden share of the hand, with its intervals, of each result that has it.

    A point stands in the middle of its bin (``occlusion 0.1-0.3``).

    Args:
        results: of one dataset and protocol.
        metric: e.g. ``PA-MPJPE``; without one the first that has bins of occlusion.
        subset: the part that the protocol names.

    Raises:
        HandbenchError: when no result has that metric by occlusion, with the nearest that one has.
    """
    binned = [
        (result, row) for result in results for row in result.rows if _bin(row) and row.subset == subset
    ]
    names = list(dict.fromkeys(row.metric for _, row in binned))
    wanted = metric or next(iter(names), "")
    if wanted not in names:
        raise HandbenchError(f"no result has {wanted or 'a metric'!r} by occlusion", nearest(wanted, names))
    figure, axes = _open()
    ticks: dict[float, str] = {}
    drawn = (result for result in results if any(r is result and row.metric == wanted for r, row in binned))
    for i, result in enumerate(drawn):
        rows = sorted((row for r, row in binned if r is result and row.metric == wanted), key=_bin)
        x = [sum(_bin(row)) / 2 for row in rows]
        ticks |= {at: "–".join(f"{end:g}" for end in _bin(row)) for at, row in zip(x, rows, strict=True)}
        ends = [
            [0.0 if row.ci_low is None else row.value - row.ci_low for row in rows],
            [0.0 if row.ci_high is None else row.ci_high - row.value for row in rows],
        ]
        style: dict[str, Any] = {
            "color": _colour(i),
            "ls": _dash(i),
            "marker": "o",
            "ms": 4,
            "capsize": 2,
            "lw": 1.6,
        }
        axes.errorbar(x, [row.value for row in rows], yerr=ends, label=_label(result.rows), **style)
    unit = next(row.unit for _, row in binned if row.metric == wanted)
    axes.set(xlabel="occlusion: hidden share of the hand", ylabel=f"{wanted} [{unit}]")
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_ylim(bottom=0)
    return _finish(figure, axes)


def save_figure(figure: Figure, path: Path) -> None:
    """Writes a figure, PNG or SVG by the path's suffix; the same figure gives the same bytes.

    Raises:
        HandbenchError: for another suffix, or where it cannot be written.
    """
    import io

    from matplotlib import rc_context

    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg"):
        raise HandbenchError(
            f"{path}: a plot is no {path.suffix or 'file without a suffix'}", "name it .png or .svg"
        )
    content = io.BytesIO()
    with rc_context({"svg.hashsalt": "handbench", "svg.fonttype": "none"}):
        figure.savefig(content, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    write_whole(path, content.getvalue())


def write_plots(results: Sequence[Result], folder: Path) -> list[Path]:
    """Writes a PNG of PCK curves and one of error against occlusion for each dataset, split and protocol id.

    Where no result of a protocol has the one or the other, its plot is left out.

    Args:
        results: any; those of one dataset, split and protocol id share a plot.
        folder: to write to; it is made.

    Raises:
        HandbenchError: when a file cannot be written.
    """
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        first = result.rows[0]
        groups.setdefault((first.dataset, first.split, first.protocol), []).append(result)
    written = []
    for names, group in sorted(groups.items()):
        stem = re.sub(r"[^A-Za-z0-9._=+-]+", "-", "-".join(filter(None, names))).strip("-.")
        if any(result.curves for result in group):
            written.append(folder / f"{stem}-pck.png")
            save_figure(pck_figure(group), written[-1])
        if any(_bin(row) and row.subset == "all" for result in group for row in result.rows):
            written.append(folder / f"{stem}-occlusion.png")
            save_figure(occlusion_figure(group), written[-1])
    return written


def _open() -> tuple[Figure, Axes]:
    """Returns a figure of its own: no window, and nothing that must be closed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    return figure, figure.add_subplot()


def _finish(figure: Figure, axes: Axes) -> Figure:
    axes.grid(axis="y", color="#e2e5ea", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _colour(i: int) -> str:
    return _COLOURS[i % len(_COLOURS)]


def _dash(i: int) -> str:
    return _DASHES[i // len(_COLOURS) % len(_DASHES)]


def _label(rows: Iterable[Row]) -> str:
    first = next(iter(rows))
    return full_name(first.model, first.variant)


def _bin(row: Row) -> tuple[float, ...]:
    """Returns the ends of a row's bin of occlusion; nothing where it is of another stratum."""
    found = _OCCLUSION.fullmatch(row.stratum)
    return tuple(map(float, found.groups())) if found else ()
