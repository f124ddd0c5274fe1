"""``handbench doctor``: what is installed and works here."""

from __future__ import annotations

import click


@click.command()
def doctor() -> None:
    """Say what is installed, which renderers and hand models work, and the remedy for what does not.

    \b
    Example:
      handbench doctor
    """
    from handbench import doctor as checks

    bad = 0
    for check in checks.run_all():
        click.echo(f"{'ok ' if check.ok else 'no '} {check.name:<20} {check.words}")
        if not check.ok and check.remedy:
            click.echo(f"    {'':<20} remedy: {check.remedy}")
        bad += not check.ok and check.needed
    if bad:
        raise SystemExit(2)
