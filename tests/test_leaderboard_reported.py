"""The published numbers against the tables they are from, transcribed here a second time."""

from __future__ import annotations

from collections import Counter

import pytest

from handbench.leaderboard.check import check
from handbench.leaderboard.schema import REPORTED, Row
from handbench.leaderboard.table import read, reported_rows, rows_of

ROWS = reported_rows()
PA = ("PA-MPJPE", "PA-AUC-J", "PA-MPVPE", "PA-AUC-V", "PA-F@5", "PA-F@15")
PLAIN = ("MPJPE", "AUC-J", "MPVPE", "AUC-V", "F@5", "F@15")
SHORT = ("PA-MPJPE", "PA-MPVPE", "PA-F@5", "PA-F@15")

IFVONET = {
    ("Table I", "ho3d_v2", PA): """
        Hasson et al. 2020        | 11.4 | 77.3 | 11.4 | 77.3 | 42.8 | 93.2
        Hasson [34]               | 11.1 | - | 11.2 | - | 46.4 | 93.9
        TempCLR                   | 10.6 | - | 10.6 | - | 48.1 | 93.7
        Liu et al. 2021/multi     | 9.8 | - | 14.7 | 81.2 | 53.0 | 95.7
        HOISDF                    | 9.2 | - | - | - | - | -
        handoccnet-v              | 9.2 | 81.5 | 9.3 | 81.5 | 54.2 | 95.9
        h2onet                    | 9.0 | 82.0 | 9.1 | 81.9 | 54.7 | 96.0
        ifvonet                   | 9.0 | 81.9 | 9.0 | 82.0 | 55.4 | 96.2""",
    ("Table II", "ho3d_v2", PLAIN): """
        Liu et al. 2021/multi     | 30 | 49.0 | 28.9 | 50.3 | 23.2 | 68.5
        h2onet                    | 26.9 | 52.4 | 26.1 | 53.5 | 24.9 | 70.7
        handoccnet-v              | 25.2 | 53.4 | 24.5 | 54.4 | 25.4 | 72.6
        ifvonet                   | 24.8 | 54.6 | 24.1 | 55.6 | 26.1 | 73.9""",
    ("Table III", "ho3d_v3", PA): """
        ArtiBoost                 | 10.8 | 78.5 | 10.4 | 79.2 | 50.7 | 94.6
        Keypoint Transformer      | 10.9 | 78.5 | - | - | - | -
        h2onet                    | 9.8 | 80.3 | 9.8 | 80.5 | 51.6 | 95.3
        ifvonet                   | 9.6 | 80.9 | 9.5 | 81.0 | 52.6 | 95.4""",
    ("Table IV", "ho3d_v2", SHORT): """
        ifvonet/iv-tf             | 9.7 | 9.7 | 52.5 | 95
        ifvonet/iv-gor            | 9.5 | 9.4 | 52.5 | 95.7
        ifvonet/iv-gor-pdv        | 9.3 | 9.3 | 54.4 | 95.8
        ifvonet                   | 9.0 | 9.0 | 55.4 | 96.2""",
    ("Table V", "ho3d_v2", SHORT): """
        ifvonet/v-softmax-softmax | 9.5 | 9.5 | 52.6 | 95.7
        ifvonet/v-fit             | 9.2 | 9.3 | 54.2 | 95.9
        ifvonet/v-softmax-bn      | 9.1 | 9.1 | 55.2 | 96.2
        ifvonet                   | 9.0 | 9.0 | 55.4 | 96.2""",
    ("Table VI", "ho3d_v2", SHORT): """
        ifvonet/vi-none           | 9.4 | 9.4 | 53.6 | 95.8
        ifvonet                   | 9.0 | 9.0 | 55.4 | 96.2
        ifvonet/vi-3              | 9.6 | 9.6 | 52.4 | 95.4""",
    ("Table VII", "ho3d_v2", SHORT): """
        ifvonet/vii-add           | 9.6 | 9.5 | 52.6 | 96.4
        ifvonet/vii-mul           | 9.4 | 9.4 | 53.3 | 95.9
        ifvonet                   | 9.0 | 9.0 | 55.4 | 96.2""",
}
FIGURES = """
        Pose2Mesh                 | 12.5 | - | 12.7 | - | 44.1 | 90.9
        I2L-MeshNet               | 11.2 | - | 13.9 | - | 40.9 | 93.2
        Hasson et al. 2019 (ObMan) | 11.1 | - | 11.0 | 77.8 | 46.0 | 93.0
        Hasson et al. 2020        | 11.4 | 77.3 | 11.4 | 77.3 | 42.8 | 93.2
        Hampali et al. 2020       | 10.7 | 78.8 | 10.6 | 79.0 | 50.6 | 94.2
        METRO                     | 10.4 | - | 11.1 | - | 48.4 | 94.6
        Liu et al. 2021/single    | 10.2 | 79.7 | 9.8 | 80.4 | 52.9 | 95.0
        I2UV-HandNet              | 9.9 | 80.4 | 10.1 | 79.9 | 50.0 | 94.3
        Tse et al. 2022           | - | - | 10.9 | - | 48.5 | 94.3
        MobRecon                  | 9.2 | - | 9.4 | - | 53.8 | 95.7
        MobRecon/rerun            | 9.4 | 81.3 | 9.5 | 81.0 | 53.3 | 95.5
        handoccnet                | 9.1 | - | 8.8 | - | 56.4 | 96.3
        handoccnet/rerun          | 9.1 | 81.9 | 9.0 | 81.9 | 56.1 | 96.2
        h2onet/single             | 9.0 | 82.0 | 9.0 | 81.9 | 55.4 | 96.0
        Hasson et al. 2021 (3DV)/multi | - | - | 14.7 | - | 39.0 | 88.0
        Liu et al. 2021/multi     | 9.8 | - | 9.4 | 81.2 | 53.0 | 95.7
        h2onet                    | 8.5 | 82.9 | 8.6 | 82.8 | 57.0 | 96.6"""
DEXYCB = """
        METRO                     | 6.99 | - | - | - | - | -
        Spurr et al.              | 6.83 | 86.4 | - | - | - | -
        Liu et al. 2021           | 6.58 | - | - | - | - | -
        handoccnet                | 5.80 | 88.4 | 5.5 | 89.0 | 78.0 | 99.0
        MobRecon                  | 6.4 | 87.3 | 5.6 | 88.9 | 78.5 | 98.8
        h2onet/single             | 5.7 | 88.9 | 5.5 | 89.1 | 80.1 | 99.0
        h2onet                    | 5.3 | 89.4 | 5.2 | 89.6 | 80.5 | 99.3"""
HDR_SUBSETS = ("SH", "IH", "all", "inter", "machine SH", "machine IH", "machine")
HDR = """
        Boukhayma et al.          | - | - | 27.14 | 31.46 | - | - | -
        Pose2Mesh                 | - | - | 27.10 | 32.11 | - | - | -
        BiHand                    | - | - | 25.10 | 28.23 | - | - | -
        Rong et al. (IHMR)        | - | - | 17.12 | 20.66 | - | - | -
        DIGIT                     | - | 14.27 | - | - | - | - | -
        internet                  | 12.16 | 16.02 | 14.21 | 18.04 | 12.52 | 18.04 | 15.28
        hdr                       | 8.51 | 13.12 | 10.97 | 14.74 | 8.52 | 14.98 | 11.74
        shpe/@sh                  | - | 39.96 | 25.90 | - | - | 40.98 | 25.78
        shpe/@sh+aih              | - | 30.23 | 20.93 | - | - | 32.27 | 21.66
        hdr/@sh                   | - | 25.93 | 18.39 | - | - | 25.45 | 17.98
        hdr/@sh+aih               | - | 23.99 | 17.58 | - | - | 24.59 | 17.80
        hdr/no-removal            | - | - | - | - | - | - | 24.16
        hdr/no-deocclusion        | - | - | - | - | - | - | 19.69
        hdr/no-discriminator      | - | - | - | - | - | - | 18.11
        hdr/no-transformer        | - | - | - | - | - | - | 18.85
        hdr/render-only           | - | - | - | - | - | - | 18.10
        hdr/syn-only              | - | - | - | - | - | - | 18.35"""


def entries(text: str) -> list[tuple[str, str, list[float | None]]]:
    """Returns model, variant and numbers of each line."""
    found = []
    for line in text.strip().splitlines():
        name, *cells = (part.strip() for part in line.split("|"))
        model, _, variant = name.partition("/")
        found.append((model, variant, [None if cell == "-" else float(cell) for cell in cells]))
    return found


def only(rows: list[Row], **named: object) -> Row:
    """Returns the one row with these values."""
    found = [row for row in rows if all(getattr(row, key) == value for key, value in named.items())]
    assert len(found) == 1, f"{len(found)} rows for {named}"
    return found[0]


def test_ifvonet_has_every_number_of_its_seven_tables_once_and_no_other() -> None:
    touched = set()
    for (_, dataset, metrics), text in IFVONET.items():
        for model, variant, numbers in entries(text):
            for metric, number in zip(metrics, numbers, strict=True):
                named = {"model": model, "variant": variant, "dataset": dataset, "metric": metric}
                if number is not None:
                    touched.add(only(ROWS, value=number, **named))
    own = [row for row in ROWS if row.source.startswith("IFVONet")]
    assert {row for row in touched if row.source.startswith("IFVONet")} == set(own)
    # What other papers published first is theirs, and says that it stands in Table I too.
    others = [row for row in touched if not row.source.startswith("IFVONet")]
    assert len(others) == 10 and all("also in IFVONet, Table I " in row.remarks for row in others)


@pytest.mark.parametrize(("text", "dataset"), [(FIGURES, "ho3d_v2"), (DEXYCB, "dexycb")])
def test_handoccnet_and_h2onet(text: str, dataset: str) -> None:
    sources = [
        row
        for row in ROWS
        if row.source.startswith(("HandOccNet", "H2ONet")) and row.dataset in (dataset, f"{dataset}_s0")
    ]
    touched = set()
    for model, variant, numbers in entries(text):
        for metric, number in zip(PA, numbers, strict=True):
            if number is not None:
                touched.add(only(sources, model=model, variant=variant, metric=metric, value=number))
    assert touched == {row for row in sources if row.metric in PA}


def test_hdr() -> None:
    rows = [row for row in ROWS if row.dataset == "interhand" and "HDR, poster" in row.source + row.remarks]
    rows = [row for row in rows if row.metric == "MPJPE"]
    touched = set()
    for model, variant, numbers in entries(HDR):
        for subset, number in zip(HDR_SUBSETS, numbers, strict=True):
            if number is not None:
                touched.add(only(rows, model=model, variant=variant, subset=subset, value=number))
    assert touched == set(rows)
    full = only(rows, value=17.98).value
    printed = {"shpe": 7.80, "no-removal": 6.18, "no-deocclusion": 1.71, "no-discriminator": 0.13,
               "no-transformer": 0.87, "render-only": 0.12, "syn-only": 0.37}  # fmt: skip
    gaps = {row.variant or row.model: row.value - full for row in rows if "ablation" in row.source}
    gaps["shpe"] = only(rows, value=25.78).value - full
    assert {name: round(gap, 2) for name, gap in gaps.items()} == printed


def test_spot_checks_of_the_other_sources() -> None:
    epe = {row.model: row.value for row in ROWS if row.metric == "EPE-2D"}
    assert epe == {"Boukhayma et al.": 12.91, "Wang et al.": 13.31, "internet": 17.61, "Kim et al.": 12.42,
                   "shpe": 14.88, "hdr": 8.70}  # fmt: skip
    mmpose = [row.value for row in ROWS if row.source.startswith("mmpose")]
    assert sorted(mmpose) == sorted(
        [9.69, 13.72, 11.86, 29.27, 99, 11.30, 15.57, 13.36, 32.15, 98, 9.47, 13.40, 11.59, 29.28]
    )
    wild = {(row.metric, row.subset): row.value for row in ROWS if row.model == "InterWild"}
    assert wild == {
        ("MPVPE", "human"): 11.55, ("MPVPE", "human SH"): 9.58, ("MPVPE", "human IH"): 12.14,
        ("MPJPE", "human"): 13.65, ("MPJPE", "human SH"): 12.75, ("MPJPE", "human IH"): 14.55,
        ("MRRPE", "human"): 26.74,
    }  # fmt: skip
    again = {(row.subset, row.value) for row in ROWS if row.variant.startswith("retrained")}
    assert again == {
        ("machine SH", 10.52),
        ("machine IH", 15.99),
        ("machine SH", 10.62),
        ("machine IH", 16.21),
    }
    motion = {(row.model, row.dataset): row.value for row in ROWS if row.metric == "ACCEL"}
    assert motion == {
        ("PAD-Hand", "ho3d"): 2.71, ("WiLoR", "ho3d"): 4.98, ("Deformer", "ho3d"): 6.37,
        ("PAD-Hand", "dexycb"): 3.34, ("WiLoR", "dexycb"): 6.70, ("Deformer", "dexycb"): 6.77,
    }  # fmt: skip
    fourd = {(row.dataset, row.metric): row.value for row in ROWS if row.model == "4DHands"}
    assert fourd == {
        ("interhand", "MPJPE"): 7.49, ("interhand", "MPVPE"): 7.72, ("interhand", "MRRPE"): 24.58,
        ("hic", "MPJPE"): 9.32, ("hic", "MPVPE"): 9.93,
    }  # fmt: skip
    zero = {row.metric: row.value for row in ROWS if row.model == "zero"}
    assert zero == {"MPJPE": 568.7, "PA-MPJPE": 51.9, "MPVPE": 571.2, "PA-MPVPE": 54.7, "PA-F@15": 1.7}
    assert only(ROWS, model="handoccnet", metric="MPJPE", dataset="dexycb_s0").value == 14.04
    assert only(ROWS, model="MaskHand", metric="PA-F@5").value == 66.3


def test_counts_remarks_and_checks() -> None:
    by_paper = Counter(row.source.partition(",")[0].partition(" ")[0] for row in ROWS)
    assert len(ROWS) == 344 and by_paper["IFVONet"] == 112 and by_paper["HDR"] == 52
    assert {row.kind for row in ROWS} == {REPORTED}
    assert max(Counter(row.id for row in ROWS).values()) == 1
    assert check(ROWS) == []
    slip = only(ROWS, model="Liu et al. 2021", dataset="ho3d_v2", value=14.7)
    assert "slip" in slip.remarks and "9.4" in slip.remarks
    assert "equals Table V's FIT row" in only(ROWS, model="handoccnet-v", value=9.3).remarks
    assert "52 to 54" in only(ROWS, model="handoccnet", value=56.4).remarks
    # All that is not stated stays so: only the code line that was read has a root and tips.
    stated = {row.protocol for row in ROWS if row.dataset == "ho3d_v2" and "unstated" not in row.protocol}
    assert stated == {"ho3d_v2/root=gt/tips=manopth"}
    assert all("not verified" in row.remarks for row in ROWS if row.date == "" and "arXiv" in row.source)


def test_read_gives_them_as_a_table() -> None:
    frame = read([])
    assert rows_of(frame) == ROWS
    kinds = [str(frame[name].dtype) for name in ("value", "n_units", "partial")]
    assert kinds == ["float64", "Int64", "bool"]
