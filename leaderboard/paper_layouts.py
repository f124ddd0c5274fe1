"""The tables of the two papers: their rows, columns and captions, without a number."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Column:
    """A column of figures.

    Attributes:
        head: as the paper has it.
        metric: on the board.
        datasets: names without what tells other data apart; the first is the paper's, the others may stand
            in for it where nothing was measured on that, and are marked.
        subset: that the protocol names.
        variant: of all models in the column, where the column says how they were trained.
        stand_in: subset that is measured instead where the paper's is not defined; marked.
    """

    head: str
    metric: str
    datasets: tuple[str, ...]
    subset: str = "all"
    variant: str = ""
    stand_in: str = ""


@dataclass(frozen=True)
class Line:
    """A row of a table.

    Attributes:
        label: as the paper has it.
        model: on the board.
        variant: on the board.
        measured: variants that may stand for it among measured rows, best first; empty: ``variant`` alone.
    """

    label: str
    model: str
    variant: str = ""
    measured: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A table.

    Attributes:
        source: as reported rows name it.
        title: of the table.
        columns: of figures.
        lines: rows.
        digits: behind the point.
        delta_to: label of the row that a column of differences is taken to; empty: no such column.
    """

    source: str
    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    digits: int = 1
    delta_to: str = ""


_V2, _V3 = ("ho3d_v2", "ho3d_v3"), ("ho3d_v3", "ho3d_v2")
_HEADS = ("J-PE", "J-AUC", "V-PE", "V-AUC", "F@5", "F@15")
_METRICS = ("MPJPE", "AUC-J", "MPVPE", "AUC-V", "F@5", "F@15")


def _ho3d(prefix: str, datasets: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(
        Column(head, prefix + metric, datasets) for head, metric in zip(_HEADS, _METRICS, strict=True)
    )


_ABLATED = tuple(
    replace(column, head=column.head.replace("V-PE", "M-PE"))
    for column in _ho3d("PA-", _V2)
    if "AUC" not in column.head
)
_LIU = Line("Liu [11]", "Liu et al. 2021", "multi")
_OURS = Line("IFVONet", "ifvonet")

IFVONET = (
    Layout(
        "IFVONet, Table I", "Table I. HO3D-v2 after Procrustes alignment", _ho3d("PA-", _V2),
        (
            Line("Hasson [21]", "Hasson et al. 2020"), Line("Hasson [34]", "Hasson [34]"),
            Line("TempCLR", "TempCLR"), _LIU, Line("HOISDF", "HOISDF"),
            Line("HandOcc(V)", "handoccnet-v"), Line("H2ONet", "h2onet"), _OURS,
        ),
    ),
    Layout(
        "IFVONet, Table II", "Table II. HO3D-v2 before Procrustes alignment", _ho3d("", _V2),
        (_LIU, Line("H2ONet", "h2onet"), Line("HandOcc(V)", "handoccnet-v"), _OURS),
    ),
    Layout(
        "IFVONet, Table III", "Table III. HO3D-v3 after Procrustes alignment", _ho3d("PA-", _V3),
        (
            Line("ArtiBoost", "ArtiBoost"), Line("Keypoint Transformer", "Keypoint Transformer"),
            Line("H2ONet", "h2onet"), _OURS,
        ),
    ),
    Layout(
        "IFVONet, Table IV", "Table IV. Ablation of the modules, HO3D-v2", _ABLATED,
        (
            Line("TF", "ifvonet", "iv-tf"), Line("GOR", "ifvonet", "iv-gor"),
            Line("GOR+PDV", "ifvonet", "iv-gor-pdv"), Line("GOR+PDV+VOF", "ifvonet"),
        ),
    ),
    Layout(
        "IFVONet, Table V", "Table V. Ablation of the attention, HO3D-v2", _ABLATED,
        (
            Line("softmax + softmax (TF)", "ifvonet", "v-softmax-softmax"),
            Line("softmax + sigmoid (FIT)", "ifvonet", "v-fit"),
            Line("softmax + BN", "ifvonet", "v-softmax-bn"), Line("sigmoid + BN (ours)", "ifvonet"),
        ),
    ),
    Layout(
        "IFVONet, Table VI", "Table VI. Ablation of frames and variation, HO3D-v2", _ABLATED,
        (
            Line("2 frames, no variation", "ifvonet", "vi-none"),
            Line("2 frames, variation (ours)", "ifvonet"), Line("3 frames, variation", "ifvonet", "vi-3"),
        ),
    ),
    Layout(
        "IFVONet, Table VII", "Table VII. Ablation of the fusion, HO3D-v2", _ABLATED,
        (
            Line("addition", "ifvonet", "vii-add"), Line("multiplication", "ifvonet", "vii-mul"),
            Line("dynamic (ours)", "ifvonet"),
        ),
    ),
)  # fmt: skip

_IH = ("interhand",)


def _mpjpe(head: str, subset: str, variant: str = "") -> Column:
    return Column(head, "MPJPE", _IH, subset, variant)


HDR = (
    Layout(
        "HDR, poster, comparison table", "Comparison on InterHand2.6M V1.0, MPJPE [mm]",
        (
            _mpjpe("ALL: SH", "SH"), _mpjpe("ALL: IH", "IH"), _mpjpe("ALL: ALL", "all"),
            replace(_mpjpe("ALL: Inter", "inter"), stand_in="close"), _mpjpe("M: SH", "machine SH"),
            _mpjpe("M: IH", "machine IH"), _mpjpe("M: ALL", "machine"),
        ),
        (
            Line("*Boukhayma [4]", "Boukhayma et al."), Line("*Pose2Mesh [5]", "Pose2Mesh"),
            Line("*BiHand [35]", "BiHand"), Line("*Rong [27]", "Rong et al. (IHMR)"),
            Line("DIGIT [7]", "DIGIT"), Line("InterNet [21]", "internet"),
            Line("HDR", "hdr", measured=("@all", "")),
        ),
        digits=2,
    ),
    Layout(
        "HDR, poster, Tzionas table", "Comparison on Tzionas et al., EPE [px]",
        (Column("EPE", "EPE-2D", ("hic",)),),
        (
            Line("Boukhayma [4]", "Boukhayma et al."), Line("Wang [31]", "Wang et al."),
            Line("InterNet [21]", "internet"), Line("Kim [13]", "Kim et al."),
            Line("SHPE", "shpe", measured=("@sh+aih", "@sh", "")),
            Line("SHPE+HDR", "hdr", measured=("@sh+aih", "@sh", "@all", "")),
        ),
        digits=2,
    ),
    *(
        Layout(
            "HDR, poster, training table", f"Training data of the pose stage, {branch} branch, MPJPE [mm]",
            (
                _mpjpe("SH: IH", f"{part}IH", "@sh"), _mpjpe("SH: ALL", whole, "@sh"),
                _mpjpe("SH+AIH: IH", f"{part}IH", "@sh+aih"), _mpjpe("SH+AIH: ALL", whole, "@sh+aih"),
            ),
            (Line("SHPE", "shpe"), Line("+HDR", "hdr")),
            digits=2,
        )
        for branch, part, whole in (("ALL", "", "all"), ("M", "machine ", "machine"))
    ),
    Layout(
        "HDR, poster, ablation table", "Ablation (M branch, pose stage trained on single hands), MPJPE [mm]",
        (_mpjpe("MPJPE", "machine"),),
        (
            Line("1 SHPE only", "shpe", "@sh"),
            *(
                Line(label, "hdr", variant, measured=(f"{variant}@sh", variant))
                for label, variant in (
                    ("2 w/o Removal", "no-removal"), ("3 w/o De-occlusion", "no-deocclusion"),
                    ("4 w/o Discriminator", "no-discriminator"),
                    ("5 w/o Transformer block", "no-transformer"), ("6 AIH_Render only", "render-only"),
                    ("7 AIH_Syn only", "syn-only"),
                )
            ),
            Line("8 full", "hdr", "@sh"),
        ),
        digits=2, delta_to="8 full",
    ),
)  # fmt: skip

PAPERS = {"ifvonet": IFVONET, "hdr": HDR}
