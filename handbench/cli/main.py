"""The root command: groups are imported when they are called, errors become one line."""

from __future__ import annotations

import os
import sys

import click

from handbench.cli.lazy import LazyGroup
from handbench.errors import HandbenchError
from handbench.version import __version__

_COMMANDS = {
    "config": ("handbench.cli.config:config", "Show the keys of a recipe and their values."),
    "data": ("handbench.cli.data:data", "List, verify, look at and pack datasets."),
    "demo": ("handbench.cli.demo:demo", "The tour: make a small dataset and look at it."),
    "doctor": ("handbench.cli.doctor:doctor", "What is installed, what works, and the remedy where not."),
    "evaluate": ("handbench.cli.evaluate:evaluate", "Predict, score, and keep a row for the leaderboard."),
    "hand": ("handbench.cli.hand:hand", "Convert MANO files, look at the hand models."),
    "models": ("handbench.cli.models:models", "List the registered models and filters."),
    "predict": ("handbench.cli.predict:predict", "Write a model's predictions of a dataset to one file."),
    "score": ("handbench.cli.score:score", "The official numbers of a prediction file."),
    "show": ("handbench.cli.show:show", "Draw figures of predictions: compare models."),
    "submit": ("handbench.cli.submit:submit", "Write and check files for the official servers."),
    "leaderboard": (
        "handbench.cli.leaderboard:leaderboard",
        "Rank, check, compare and publish results.",
    ),
    "synth-aih": ("handbench.cli.synth:synth_aih", "Synthesise the Amodal InterHand dataset (AIH)."),
    "synth-hic": (
        "handbench.cli.synth_hic:synth_hic",
        "Render real tracked motion in HIC's layout; test only.",
    ),
    "synth-ho3d": ("handbench.cli.synth_ho3d:synth_ho3d", "Synthesise hand-object video in HO-3D's layout."),
    "synth-interhand": (
        "handbench.cli.synth_interhand:synth_interhand",
        "Synthesise multi-camera sequences in InterHand2.6M's layout.",
    ),
    "train": ("handbench.cli.train:train", "Train a model; the same command goes on after a kill."),
}


@click.group(cls=LazyGroup, table=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="handbench")
def cli() -> None:
    """Synthesise, load, score and train 3D hand pose under occlusion.

    \b
    Start here:
      handbench demo                                    the tour; the first run compiles
      handbench synth-aih --out aih --num 2000          make a dataset
      handbench data show aih --out sheet.png           look at it
      handbench data list                               the datasets that load
    """


def main() -> None:
    """Runs the command line; a user's error prints one line and exits with its code."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except HandbenchError as error:
        click.echo(f"handbench: {error}", err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("handbench: stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
