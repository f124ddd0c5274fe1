"""What an AIH dataset contains: occlusion, poses, sizes, as numbers and as a plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from handbench.errors import HandbenchError
from handbench.skeleton import FINGERS
from handbench.store.record import Record


@dataclass
class DatasetStats:
    """Values gathered from records; each list holds one value a record or a hand.

    Attributes:
        records: number of records.
        kinds: records by kind.
        poses: scenes by kind of interaction or sequence.
        hands: pair records by number of hands.
        occlusion: occlusion of the more occluded hand, one a pair record with two hands and no object.
        with_object: the same where there is an object.
        target_occlusion: occlusion of the target, one a hand-centred record.
        box: longer side of each hand's amodal box over the picture's side.
        gap: least distance of the two hands [mm], one a pair record with two hands.
        depth: distance of each wrist from the camera [m].
        fingers: (5,) mean visibility of each finger, thumb to little.
        causes: joints by what covers them.
    """

    records: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    poses: Counter[str] = field(default_factory=Counter)
    hands: Counter[int] = field(default_factory=Counter)
    occlusion: list[float] = field(default_factory=list)
    with_object: list[float] = field(default_factory=list)
    target_occlusion: list[float] = field(default_factory=list)
    box: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    depth: list[float] = field(default_factory=list)
    fingers: list[list[float]] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)

    def add(self, record: Record) -> None:
        """Adds one AIH record."""
        fields = record.fields
        self.records += 1
        self.kinds[fields["kind"]] += 1
        present = [hand for hand in fields["hands"].values() if hand is not None]
        if fields["kind"] == "pair":
            self.poses[fields["source"]["poses"]["kind"]] += 1
            self.hands[len(present)] += 1
            if len(present) == 2:
                values = self.with_object if fields["source"]["object"] else self.occlusion
                values.append(max(hand["occlusion"] for hand in present))
                self.gap.append(1000 * fields["source"]["poses"]["gap"])
        elif fields["occlusion"] is not None:
            self.target_occlusion.append(fields["occlusion"])
        for hand in present:
            self.box.append(float(max(hand["box"][2:])) / fields["size"][0])
            self.depth.append(float(hand["joints"][0, 2]))
            self.fingers.append([float(value) for value in hand["finger_visibility"]])
            self.causes.update(cause or "seen" for cause in hand["covered_by"])

    def lines(self) -> list[str]:
        """Returns the summary as text, a line a fact."""
        out = [f"records            {self.records}  ({_counts(self.kinds)})"]
        out.append(f"hands in a scene   {_counts(self.hands)}")
        out.append(f"poses              {_counts(self.poses)}")
        for words, values in (
            ("occlusion, worse hand", self.occlusion),
            ("  with an object", self.with_object),
            ("occlusion, target", self.target_occlusion),
            ("least gap [mm]", self.gap),
            ("hand box / picture", self.box),
            ("wrist depth [m]", self.depth),
        ):
            if values:
                out.append(f"{words:<22} {_spread(values)}")
        if self.fingers:
            means = np.mean(self.fingers, axis=0)
            out.append(
                "finger visibility      "
                + "  ".join(f"{f} {m:.2f}" for f, m in zip(FINGERS, means, strict=True))
            )
            total = sum(self.causes.values())
            shares = "  ".join(f"{k} {100 * v / total:.1f} %" for k, v in self.causes.most_common())
            out.append(f"joints covered by      {shares}")
        return out


def gather(records: Iterable[Record]) -> DatasetStats:
    """Reads the fields of records; no picture is decoded."""
    stats = DatasetStats()
    for record in records:
        stats.add(record)
    return stats


def plot(stats: DatasetStats, path: Path) -> None:
    """Plots occlusion, sizes, gaps, poses and visibility into one picture.

    Raises:
        HandbenchError: when the place cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
    histograms = (
        (axes[0, 0], stats.occlusion, np.linspace(0, 1, 21), "occlusion of the worse hand, no object"),
        (axes[0, 1], stats.target_occlusion, np.linspace(0, 1, 21), "occlusion of the target"),
        (axes[0, 2], np.minimum(stats.gap, 50), np.linspace(0, 50, 26), "least gap between the hands [mm]"),
        (axes[1, 0], stats.box, np.linspace(0, 1, 26), "hand box / picture"),
    )
    for axis, values, bins, title in histograms:
        axis.hist(values, bins=bins, color="#5896e6", edgecolor="white")
        axis.set_title(title, loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    bars = (
        (axes[1, 1], dict(stats.poses.most_common(12)), "scenes by interaction or sequence"),
        (axes[1, 2], dict(stats.causes.most_common()), "joints by what covers them"),
    )
    for axis, counts, title in bars:
        names = list(counts)[::-1]
        axis.barh(names, [counts[name] for name in names], color="#f0963c")
        axis.set_title(title, loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise HandbenchError(f"cannot write {path}: {error.strerror}", "choose another --plot") from None
    finally:
        plt.close(figure)


def _counts(counter: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(counter.items(), key=lambda item: -item[1]))


def _spread(values: list[float]) -> str:
    marks = np.percentile(values, [5, 25, 50, 75, 95])
    names = ("p5", "p25", "median", "p75", "p95")
    text = "  ".join(f"{name} {mark:.2f}" for name, mark in zip(names, marks, strict=True))
    return f"{text}  (n {len(values)})"
