"""What an AIH dataset contains: occlusion, overlap, poses, sizes, as numbers and as a plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from handbench.show.figures import keep_figure, open_pyplot
from handbench.skeleton import FINGERS
from handbench.store.record import Record


@dataclass
class DatasetStats:
    """Values gathered from records; each list holds one value a record or a hand.

    Attributes:
        records: number of records.
        kinds: records by kind.
        parts: records by part, ``rendered`` or ``pasted``.
        poses: rendered scenes by kind of interaction or sequence.
        hands: rendered pair records by number of hands.
        occlusion: occlusion of the more occluded hand, one a pair record with two hands and no object.
        with_object: the same where there is an object.
        target_occlusion: occlusion of the target, one a hand-centred record.
        overlap: share of the target that the other hand lies over or under, one a pasted pair.
        order: pasted pairs by where the other hand lies.
        people: pasted hands by who is photographed.
        box: longer side of each hand's amodal box over the picture's side.
        gap: least distance of the two hands [mm], one a pair record with two hands.
        depth: distance of each wrist from the camera [m].
        fingers: (5,) mean visibility of each finger, thumb to little.
        causes: joints by what covers them.
    """

    records: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)
    poses: Counter[str] = field(default_factory=Counter)
    hands: Counter[int] = field(default_factory=Counter)
    occlusion: list[float] = field(default_factory=list)
    with_object: list[float] = field(default_factory=list)
    target_occlusion: list[float] = field(default_factory=list)
    overlap: list[float] = field(default_factory=list)
    order: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
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
        pasted = fields.get("part") == "syn"
        self.parts["pasted" if pasted else "rendered"] += 1
        if pasted:
            self._add_pasted(fields)
        if fields["kind"] == "pair":
            self.poses[fields["source"]["poses"]["kind"]] += 1
            self.hands[len(present)] += 1
            if len(present) == 2:
                values = self.with_object if fields["source"]["object"] else self.occlusion
                values.append(max(hand["occlusion"] for hand in present))
                if fields["source"]["poses"]["gap"] is not None:
                    self.gap.append(1000 * fields["source"]["poses"]["gap"])
        elif fields["occlusion"] is not None:
            self.target_occlusion.append(fields["occlusion"])
        for hand in present:
            self.box.append(float(max(hand["box"][2:])) / fields["size"][0])
            self.depth.append(float(hand["joints"][0, 2]))
            self.fingers.append([float(value) for value in hand["finger_visibility"]])
            self.causes.update(cause or "seen" for cause in hand["covered_by"])

    def _add_pasted(self, fields: Mapping[str, Any]) -> None:
        source = fields["source"]
        target, other = source["target"], source["other"]
        self.people[target["person"]] += 1
        if other is None:
            self.order["alone"] += 1
            return
        self.people[other["person"]] += 1
        self.order["behind" if fields["paste"]["target_front"] else "in front"] += 1
        self.overlap.append(source["overlap_target"])

    def lines(self) -> list[str]:
        """Returns the summary as text, a line a fact."""
        out = [f"records            {self.records}  ({_counts(self.kinds)})"]
        if self.parts["pasted"]:
            out.append(f"parts              {_counts(self.parts)}")
            people = f"of {len(self.people)} people; the other hand: {_counts(self.order)}"
            out.append(f"pasted hands       {people}")
        if self.parts["rendered"]:
            out.append(f"hands in a scene   {_counts(self.hands)}")
            out.append(f"poses              {_counts(self.poses)}")
        for words, values in (
            ("occlusion, worse hand", self.occlusion),
            ("  with an object", self.with_object),
            ("occlusion, target", self.target_occlusion),
            ("overlap, pasted pairs", self.overlap),
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
    """Plots occlusion, overlap, sizes, gaps, poses and visibility into one picture, as far as there are any.

    Raises:
        HandbenchError: when the place cannot be written.
    """
    plt = open_pyplot()
    unit = np.linspace(0, 1, 21)
    histograms = (
        (stats.occlusion, unit, "occlusion of the worse hand, no object"),
        (stats.target_occlusion, unit, "occlusion of the target"),
        (stats.overlap, unit, "overlap of pasted pairs, of the target"),
        (np.minimum(stats.gap, 50), np.linspace(0, 50, 26), "least gap between the hands [mm]"),
        (stats.box, np.linspace(0, 1, 26), "hand box / picture"),
    )
    bars = (
        (dict(stats.poses.most_common(12)), "scenes by interaction or sequence"),
        (dict(stats.causes.most_common()), "joints by what covers them"),
    )
    shown = [one for one in histograms if len(one[0])], [one for one in bars if one[0]]
    count = len(shown[0]) + len(shown[1])
    rows = -(-count // 3)
    figure, axes = plt.subplots(rows, 3, figsize=(13, 3.5 * rows), layout="constrained", squeeze=False)
    places = iter(axes.flat)
    for values, bins, title in shown[0]:
        axis = next(places)
        axis.hist(values, bins=bins, color="#5896e6", edgecolor="white")
        axis.set_title(title, loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    for counts, title in shown[1]:
        axis, names = next(places), list(counts)[::-1]
        axis.barh(names, [counts[name] for name in names], color="#f0963c")
        axis.set_title(title, loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    for axis in places:
        axis.set_visible(False)
    keep_figure(figure, path)


def _counts(counter: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(counter.items(), key=lambda item: -item[1]))


def _spread(values: list[float]) -> str:
    marks = np.percentile(values, [5, 25, 50, 75, 95])
    names = ("p5", "p25", "median", "p75", "p95")
    text = "  ".join(f"{name} {mark:.2f}" for name, mark in zip(names, marks, strict=True))
    return f"{text}  (n {len(values)})"
