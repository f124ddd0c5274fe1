"""``handbench submit``: files for the official servers."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def submit() -> None:
    """Write submissions for the official servers, and check one before it is sent.

    \b
    Examples:
      handbench submit ho3d-v2 pred.h5 --gt HO3D_v2 --out pred.zip
      handbench submit check pred.zip
    """


def _ho3d(version: str) -> click.Command:
    example = f"handbench submit ho3d-{version} pred.h5 --gt HO3D_{version} --out pred.zip"
    about = f"Write HO-3D {version}'s official zip from FILE.h5.\n\n\b\nExample:\n  {example}"

    @submit.command(f"ho3d-{version}", help=about)
    @click.argument("file", type=click.Path(path_type=Path))
    @click.option("--gt", required=True, type=click.Path(path_type=Path), help="Folder with evaluation.txt.")
    @click.option("--out", default=Path("pred.zip"), show_default=True, type=click.Path(path_type=Path))
    @click.option("--force", is_flag=True, help="Write it in spite of its length or of what diagnosis found.")
    def command(file: Path, gt: Path, out: Path, force: bool) -> None:
        from handbench.submit import write_ho3d

        done = write_ho3d(out, file, gt, version, force)
        mesh = f"{done.vertices} vertices" if done.vertices else "no meshes: their columns stay empty"
        click.echo(f"{done.path}: {done.frames:,} frames, {mesh}; {done.path.stat().st_size / 1e6:.1f} MB")
        for problem in done.problems:
            click.echo(f"  {problem.severity}: {problem.what} ({problem.remedy})")

    return command


for _version in ("v2", "v3"):
    _ho3d(_version)


@submit.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--gt", type=click.Path(path_type=Path), help="Folder with the released ground truth.")
def check(file: Path, gt: Path | None) -> None:
    """Diagnose FILE, a pred.zip or pred.json: counts, frame, unit, joint order, side, mesh.

    \b
    Example:
      handbench submit check pred.zip --gt HO3D_v2
    """
    from handbench.errors import HandbenchError
    from handbench.submit import check_ho3d

    found = check_ho3d(file, gt)
    of = f"HO-3D {found.version}" if found.version else "of no official list"
    click.echo(f"{file}: {found.frames:,} frames ({of}), {found.vertices} vertices")
    for problem in found.problems:
        click.echo(f"  {problem.severity}: {problem.what} ({problem.remedy})")
    wrong = sum(problem.severity == "error" for problem in found.problems)
    if wrong:
        raise HandbenchError(f"{file}: {wrong} problem{'s' * (wrong > 1)}", "see above")
    click.echo("  nothing wrong was found")
