"""How plots are opened and kept; matplotlib is imported by the first plot and not before."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from handbench.errors import HandbenchError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def open_pyplot() -> ModuleType:
    """Returns ``matplotlib.pyplot``, set to draw without a screen."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def keep_figure(figure: Figure, path: Path) -> None:
    """Writes a figure, in a folder made for it where there is none, and closes it.

    Raises:
        HandbenchError: when it cannot be written there, or not in the format of that suffix.
    """
    from matplotlib import pyplot

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise HandbenchError(f"cannot write {path}: {what}", "choose another --plot") from None
    finally:
        pyplot.close(figure)
