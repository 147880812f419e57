"""``sdr-detect simulate``: a scene becomes a recording with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="simulate")(simulate)


def simulate(
    scene: Annotated[Path, typer.Argument(metavar="SCENE.toml", help="The scene to render.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Name ending in .sigmf-meta.")],
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Instead of the scene's own seed.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a SigMF recording of a simulated scene, with the truth as annotations.

    Example: sdr-detect simulate recordings/scenes/starlink_parked_2m4.toml --out a.sigmf-meta
    """
    from rich.console import Console
    from rich.progress import Progress

    from sdr_detect.simulate.scene import load_scene
    from sdr_detect.simulate.write import write_sigmf

    loaded = load_scene(scene)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(loaded.scene.title, total=loaded.sample_count)
        meta = write_sigmf(
            loaded,
            out,
            seed,
            force=force,
            progress=lambda done, _total: bar.update(task, completed=done),
        )
    typer.echo(meta)
