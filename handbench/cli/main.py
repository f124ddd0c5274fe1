"""The root command: groups are imported when they are called, errors become one line."""

from __future__ import annotations

import importlib
import os
import sys

import click

from handbench.errors import HandbenchError
from handbench.version import __version__

_COMMANDS = {
    "config": ("handbench.cli.config:config", "Show the keys of a recipe and their values."),
    "data": ("handbench.cli.data:data", "List, verify, look at and pack datasets."),
    "demo": ("handbench.cli.demo:demo", "The tour: make a small dataset and look at it."),
    "doctor": ("handbench.cli.doctor:doctor", "What is installed, what works, and the remedy where not."),
    "hand": ("handbench.cli.hand:hand", "Convert MANO files, look at the hand models."),
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
}


class LazyGroup(click.Group):
    """A group whose commands are imported only when they run, so that --help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports and returns one command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][1]) for name in sorted(_COMMANDS)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="handbench")
def cli() -> None:
    """Synthesise, load, score and train 3D hand pose under occlusion.

    \b
    Start here:
      handbench demo                                    the tour; the first run compiles
      handbench synth-aih --out aih --num 2000          make a dataset
      handbench data show aih --out sheet.png           look at it
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
