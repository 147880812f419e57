"""``sdr-detect profiles``: what is claimed of each emitter, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from sdr_detect.profiles.schema import AnyClaim, Profile

JsonOption = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Write JSON Lines to a file, or to stdout (-)."),
]


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    verb = typer.Typer(help=_HELP)
    verb.callback(invoke_without_command=True)(_list)
    verb.command("show")(_show)
    app.add_typer(verb, name="profiles")


_HELP = """List the emitter profiles; `show NAME` gives the claims of one.

Example: sdr-detect profiles show starlink_uplink
"""


def _list(context: typer.Context, json: JsonOption = None) -> None:
    if context.invoked_subcommand is not None:
        return
    from sdr_detect import catalog

    entries = catalog.profiles()
    if json is not None:
        _write_json(json, entries)
        return
    from rich.console import Console
    from rich.table import Column, Table

    name = Column("profile", no_wrap=True)
    table = Table(name, "system", "role", "detects", "claims", "unknown", box=None)
    for entry in entries:
        unknown = sum(claim.kind == "unknown" for claim in entry.claims)
        claims = str(len(entry.claims) - unknown)
        row = (entry.id, entry.system, entry.role, _detects(entry), claims, str(unknown))
        table.add_row(*row)
    Console().print(table)


def _show(
    name: Annotated[str, typer.Argument(help="Profile, or the path of a .toml file.")],
    json: JsonOption = None,
) -> None:
    """Show the claims of one profile with weights, sources and confidence.

    Example: sdr-detect profiles show starlink_uplink
    """
    from sdr_detect import catalog

    entry = catalog.profile(name)
    if json is not None:
        _write_json(json, (entry,))
        return
    from rich.console import Console

    console = Console(highlight=False)
    console.print(f"{entry.id} (version {entry.version}): {entry.name}", markup=False)
    console.print(f"system {entry.system}, role {entry.role}, detects: {_detects(entry)}")
    console.print(f"\n{entry.summary}\n", markup=False)
    console.print(_claims_table(entry))
    console.print(
        "\nFor and against are in nats. S: structural, at least one must be met for a detection. "
        "R: required.\nConfidence: A standard or two measurements, B one good source, "
        "C single observation or inference.",
        markup=False,
    )


def _detects(profile: Profile) -> str:
    if profile.role != "user_terminal":
        return "no"
    if not profile.receivable:
        return "not receivable in Ku band"
    return "yes" if profile.structural else "no, nothing structural known"


def _claims_table(profile: Profile) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table("kind", "claim", "for", "against", "", "conf", "source", show_lines=True)
    for claim in profile.claims:
        if claim.kind == "unknown":
            cells = ["unknown", claim.text, "", "", "", "", claim.source]
        else:
            marks = "S" * claim.structural + "R" * claim.required
            text = f"{claim.text}\n{_figures(claim)}"
            pro, con = f"{claim.weight:g}", f"{claim.against:g}"
            cells = [claim.kind, text, pro, con, marks, claim.confidence, claim.source]
        table.add_row(*map(Text, cells))
    return table


def _figures(claim: AnyClaim) -> str:
    """The numbers as the matcher uses them."""
    match claim.kind:
        case "band" | "if_band":
            ranges = (f"{low / 1e6:g}…{high / 1e6:g}" for low, high in claim.ranges_hz)
            return f"{', '.join(ranges)} MHz"
        case "lag":
            lags = " or ".join(f"{lag * 1e6:.4g}" for lag in claim.lags_s)
            return f"{lags} µs ± {claim.tolerance:.1%} over the {claim.where}"
        case "grid":
            return f"{claim.period_s * 1e3:.6g} ms x {', '.join(map(str, claim.multiples))}"
        case "range":
            low = "" if claim.min is None else f"{claim.min:g} <= "
            high = "" if claim.max is None else f" <= {claim.max:g}"
            return f"{low}{claim.feature}{high}"
        case "flag":
            return f"{claim.feature} = {str(claim.value).lower()}"
        case "unknown":
            return ""


def _write_json(target: str, profiles: tuple[Profile, ...]) -> None:
    import json
    from pathlib import Path

    from sdr_detect.errors import SinkError

    def line(profile: Profile) -> str:
        record: dict[str, Any] = {"type": "profile", **profile.model_dump(mode="json")}
        record["structural"] = profile.structural
        return json.dumps(record, ensure_ascii=False)

    text = "\n".join(map(line, profiles)) + "\n"
    if target == "-":
        typer.echo(text, nl=False)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise SinkError(f"{target}: cannot be written ({exc.strerror}); check the path") from exc
