"""``handbench data``: list, verify, look at and pack datasets."""

from __future__ import annotations

import click

from handbench.cli.lazy import LazyGroup

_COMMANDS = {
    "cutouts": ("handbench.cli.data_cutouts:cutouts", "Cut single hands out of photographs, for pasting."),
    "export": ("handbench.cli.data_export:export", "Write AIH as plain files, in the authors' layout."),
    "howto": ("handbench.cli.data_list:howto", "Licence, source and tree of a dataset, and what to type."),
    "list": ("handbench.cli.data_list:list_datasets", "The datasets that load, and the keys of each."),
    "orders": ("handbench.cli.data_orders:orders", "Every joint order as a table and as a picture."),
    "pack": ("handbench.cli.pack:pack", "Write a dataset, cropped, to a store that trains fast."),
    "show": ("handbench.cli.data_show:show", "Draw samples: pictures, joints, boxes, masks, objects."),
    "stats": ("handbench.cli.data_stats:stats", "What a dataset contains, as numbers and plots."),
    "verify": ("handbench.cli.data_verify:verify", "Find damage, missing files and mixed-up annotations."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def data() -> None:
    """List, verify, look at and pack datasets.

    \b
    Start here:
      handbench data list                               what loads, and its keys
      handbench data howto interhand                    where to get it, where to put it
      handbench data verify interhand:DIR@split=test    is it whole and right?
      handbench data show interhand:DIR --out sheet.png look at it
    """
