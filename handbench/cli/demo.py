"""``handbench demo``: the tour."""

from __future__ import annotations

import time
from pathlib import Path

import click


@click.command()
@click.option("--out", default=Path("out/demo"), show_default=True, type=click.Path(path_type=Path))
@click.option("--num", default=240, show_default=True, help="Number of records.")
def demo(out: Path, num: int) -> None:
    """The tour: make a small AIH dataset with what is built in, verify it, look at it.

    It needs no licensed data, no GPU and no network. The first run compiles its kernels, about a minute.

    \b
    Example:
      handbench demo --out out/demo
    """
    from handbench.errors import CorruptError
    from handbench.show.sheet import write_sheet
    from handbench.show.stats import gather
    from handbench.store import open_store, verify_store
    from handbench.synth.generate import SynthOptions, generate

    folder = out / "aih"
    click.echo(f"1. handbench synth-aih --out {folder} --num {num}")
    started = time.perf_counter()
    (made,) = generate(folder, SynthOptions(), num=num)
    digest = made.run.manifest.digest if made.run.manifest else "unfinished"
    click.echo(f"   {num} records in {time.perf_counter() - started:.1f} s, digest {digest}")
    click.echo(f"2. handbench data verify {folder} --deep")
    verdict = verify_store(folder, deep=True)
    click.echo(f"   {verdict.checked} records decoded and checked, {len(verdict.faults)} faults")
    if verdict.faults:
        raise CorruptError(str(verdict.faults[0]), f"remove {folder} and run the demo again")
    sheet = out / "sheet.png"
    click.echo(f"3. handbench data show {folder} --out {sheet}")
    write_sheet(folder, sheet, num=24)
    click.echo(f"4. handbench data stats {folder}")
    for line in gather(open_store(folder)).lines():
        click.echo(f"   {line}")
    click.echo(f"\nOpen {sheet}: each row is a picture, its target alone, four masks, and the skeletons.")
    click.echo(f"Next, with pasted hands and in splits: handbench synth-aih --recipe both --out {out}/both")
