"""The command line as a whole: help, errors, start-up."""

from __future__ import annotations

import pytest
from conftest import Run

from handbench.cli.main import _COMMANDS


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_has_help_with_an_example(handbench: Run, name: str) -> None:
    done = handbench(name, "--help")
    assert "Usage" in done.stdout
    if "Commands:" not in done.stdout:
        assert "xample" in done.stdout


def test_help_lists_all_commands(handbench: Run) -> None:
    done = handbench("--help")
    assert all(name in done.stdout for name in _COMMANDS)


def test_unknown_commands_and_folders_get_one_line(handbench: Run) -> None:
    assert "No such command" in handbench("sinth", check=2).stderr
    done = handbench("data", "verify", "/nowhere", check=2)
    assert "/nowhere" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_doctor_finds_hand_and_raster(handbench: Run) -> None:
    done = handbench("doctor")
    assert "ok  procedural hand" in done.stdout and "ok  renderer raster" in done.stdout


def test_config_show_prints_every_section(handbench: Run) -> None:
    done = handbench("config", "show", "render", "--set", "crop.scale=1.5")
    for key in ("view", "forearm", "occluders", "lights", "effects", '"scale": 1.5'):
        assert key in done.stdout
