"""``handbench show compare``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--models", required=True, metavar="A,B,C", help="NAME[:VARIANT][+FILTER], a row each.")
@click.option(
    "--data",
    default=None,
    metavar="REF",
    help="NAME:PATH[@key=value,...]; the built-in held-out set by default.",
)
@click.option(
    "--results", default=Path("results"), show_default=True, type=click.Path(path_type=Path),
    help="Folder of results: predictions that are there are used, others are kept there.",
)  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The figure, FIG.png.")
@click.option("--weights", multiple=True, metavar="MODEL=FILE", help="Trained weights of one of them.")
@click.option("--random-init", is_flag=True, help="Run models without trained weights.")
@click.option("--gap", default=1, show_default=True, type=click.IntRange(1), help="Frames before t.")
@click.option(
    "--hand-model", default="", metavar="MODEL",
    help="Triangles of meshes: procedural or mano:DIR; by default what the model says.",
)  # fmt: skip
@click.option("--device", default=None, help="cpu, cuda, cuda:1; by default a GPU where there is one.")
@click.option("--quiet", is_flag=True, help="No progress.")
def compare(
    keys: tuple[str, ...], models: str, data: str | None, results: Path, out: Path, weights: tuple[str, ...],
    random_init: bool, gap: int, hand_model: str, device: str | None, quiet: bool,
) -> None:  # fmt: skip
    """Draw what models say of samples: the papers' qualitative figure.

    For each KEY (a whole key, or an end that only one has) the picture and the annotation, then a row a
    model: mesh on frame t - 1 and frame t, joints, side view. The joint with the largest error is marked.

    \b
    Examples:
      handbench show compare --models mean-hand,oracle-noise:8 0003/0012 --out fig.png
      handbench show compare --models handoccnet,ifvonet --data ho3d:HO3D_v3@split=evaluation
          SM1/0012 MPM10/0040 --out fig.png
    """
    from handbench.datasets import DataRef
    from handbench.errors import HandbenchError
    from handbench.show.compare import gather
    from handbench.show.compare_figure import draw_figure
    from handbench.show.compare_run import Run, find_keys, split_models, weights_of
    from handbench.show.mesh_faces import MeshFaces
    from handbench.show.sheet import write_png

    if out.suffix.lower() != ".png":
        raise HandbenchError(f"--out {out}: a figure is a PNG", "give a name that ends in .png")
    names = split_models(models)
    how = Run(results, weights_of(weights, names), random_init, device, quiet)
    if data is None:
        from handbench.heldout import heldout
        from handbench.predict.names import home_of

        ref = heldout(home_of(names[0]), quiet=quiet)
    else:
        ref = DataRef.parse(data)
    dataset = ref.open(quiet)
    blocks = gather(dataset, find_keys(dataset, keys), names, how, gap)
    figure = draw_figure(blocks, MeshFaces(hand_model), gap)
    write_png(figure, out)
    click.echo(f"{out}: {len(blocks)} samples, {len(names)} models, {figure.shape[1]} x {figure.shape[0]} px")
    for block in blocks:
        for said in block.said:
            worst = "" if said.worst is None else f", worst joint {said.worst.error:.1f} mm"
            error = "no annotation, so no error" if said.error is None else f"{said.error:.1f} mm{worst}"
            click.echo(f"  {block.key}  {said.name}: {error}")
