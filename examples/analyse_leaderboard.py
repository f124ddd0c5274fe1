"""What the leaderboard's rows say, with pandas: the best of each model, gaps of papers, error by occlusion.

python examples/analyse_leaderboard.py                  the published numbers that come with handbench
python examples/analyse_leaderboard.py results          and your own results, folders of `handbench evaluate`
"""

from __future__ import annotations

import sys

import pandas as pd

from handbench import leaderboard


def best_of_each_model(rows: pd.DataFrame, dataset: str, metric: str) -> pd.DataFrame:
    """Returns the best number of each model under each protocol id, and who states it; lower is better.

    Numbers of two protocol ids are not comparable: a protocol's models stand together.
    """
    wanted = rows[
        (rows["dataset"] == dataset)
        & (rows["metric"] == metric)
        & (rows["subset"] == "all")
        & (rows["stratum"] == "")
        & ~rows["partial"]
    ]
    best = wanted.sort_values(["protocol", "value"]).drop_duplicates(["protocol", "model"])
    return best[["protocol", "model", "variant", "value", "kind", "source"]]


def papers_that_disagree(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns numbers of one network that two sources print differently, the widest gap first."""
    same = ["model", "variant", "dataset", "split", "subset", "metric", "train_data"]
    reported = rows[rows["kind"] == "reported"]
    spread = reported.groupby(same)["value"].agg(["min", "max", "nunique"]).reset_index()
    spread["gap [%]"] = 100 * (spread["max"] / spread["min"] - 1)
    wide = spread[spread["nunique"] > 1].sort_values("gap [%]", ascending=False)
    return wide[["model", "variant", "dataset", "subset", "metric", "min", "max", "gap [%]"]]


def error_by_occlusion(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Returns a metric by model (rows) and bin of occlusion (columns); empty where nothing was measured."""
    binned = rows[rows["stratum"].str.startswith("occlusion ") & (rows["metric"] == metric)]
    bins = binned["stratum"].str.removeprefix("occlusion ")
    return binned.assign(bin=bins).pivot_table("value", ["dataset", "model", "variant"], "bin")


def show(title: str, table: pd.DataFrame) -> None:
    """Prints a table of ten rows at most under its title."""
    print(f"\n{title}\n")
    print(table.head(10).to_string(index=table.index.nlevels > 1, float_format="%.2f"))


def main(paths: list[str]) -> None:
    """Reads the rows and prints three tables."""
    rows = leaderboard.read(paths or None)
    kinds = rows["kind"].value_counts()
    print(f"{len(rows)} rows: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    best = best_of_each_model(rows, "ho3d_v2", "PA-MPJPE")
    show("HO-3D v2, PA-MPJPE [mm]: the best number of each model under each protocol", best)
    show("One network, two sources, two numbers", papers_that_disagree(rows))
    table = error_by_occlusion(rows, "PA-MPJPE")
    if table.empty:
        print("\nNo row by occlusion yet: `handbench evaluate` measures them.")
    else:
        show("PA-MPJPE [mm] by occlusion (hidden share of the hand)", table)


if __name__ == "__main__":
    main(sys.argv[1:])
