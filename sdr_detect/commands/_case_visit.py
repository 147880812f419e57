"""``sdr-detect case``: where, who is in view, and the guided steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_detect.commands._case_common import (
    STORE,
    CaseArgument,
    NameOption,
    StoreOption,
    add,
    open_store,
    said,
    who,
)
from sdr_detect.commands._text import plain

if TYPE_CHECKING:
    from sdr_detect.evidence.case import Case


def position(
    case: CaseArgument,
    name: NameOption,
    gpsd: Annotated[
        str | None, typer.Option("--gpsd", metavar="HOST[:PORT]", help="Ask a gpsd.")
    ] = None,
    lat: Annotated[float | None, typer.Option("--lat", min=-90, max=90, help="Degrees.")] = None,
    lon: Annotated[float | None, typer.Option("--lon", min=-180, max=180, help="Degrees.")] = None,
    error_m: Annotated[
        float | None, typer.Option("--error-m", min=0, help="How far it may be off.")
    ] = None,
    store: StoreOption = STORE,
) -> None:
    """Note where the receiver stands: by gpsd, or as you state it.

    Example: sdr-detect case position 2026-001 --gpsd localhost --as Kim
    """
    if gpsd is not None and lat is None and lon is None:
        from sdr_detect.evidence import gpsd as client

        host, _, port = gpsd.partition(":")
        if port and not port.isdigit():
            raise typer.BadParameter(f"{gpsd!r} is no HOST:PORT")
        found = client.position(host or "localhost", int(port or client.PORT))
    elif gpsd is None and lat is not None and lon is not None:
        found = {"latitude_deg": lat, "longitude_deg": lon, "error_m": error_m}
        found |= {"source": f"statement of {name}"}
    else:
        raise typer.BadParameter("give --gpsd HOST, or --lat and --lon")
    add(store, case, who(name), "positioned", found)
    print(plain(f"{found['latitude_deg']}, {found['longitude_deg']} by {found['source']}"))


def ais(
    case: CaseArgument,
    source: Annotated[str, typer.Argument(metavar="FILE|udp://…|tcp://…")],
    name: NameOption,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="How long to listen.")] = 60,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where sentences are kept.")
    ] = None,
    store: StoreOption = STORE,
) -> None:
    """Attach AIS: who is in view, at which range and bearing.

    Example: sdr-detect case ais 2026-001 udp://0.0.0.0:10110 --out berth.nmea --as Kim
    """
    cases = open_store(store)
    from sdr_detect.evidence import ais
    from sdr_detect.evidence.attach import ais_detail

    path = Path(source)
    state = cases.case(case)
    if "://" in source:
        if out is None:
            raise typer.BadParameter("what is received goes into a file; give --out FILE")
        ais.receive(source, seconds, out)
        path = out
    detail = ais_detail(state, path)
    cases.add(case, who(name), "attached", detail)
    for seen in detail["facts"]["vessels"]:
        where = f"{seen['range_m']} m at {seen['bearing_deg']}°" if "range_m" in seen else ""
        print(plain(f"{seen['mmsi']}  IMO {seen['imo'] or '-'}  {seen['name'] or '-'}  {where}"))
    for text in detail["facts"]["doubts"]:
        print(plain(f"note: {text}"))


def step(
    case: CaseArgument,
    step: Annotated[str | None, typer.Argument(metavar="[STEP]")] = None,
    text: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="What was done; marks the step.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", envvar="SDR_DETECT_NAME")
    ] = None,
    store: StoreOption = STORE,
) -> None:
    """Show the guided steps and what each still needs; with STEP and --note, state one.

    Example: sdr-detect case step 2026-001 neighbours --note "none in view" --as Kim
    """
    cases = open_store(store)
    state = cases.case(case)
    if step is not None:
        from sdr_detect.evidence.flow import flow

        known = [one.id for one in flow(state.flow).step]
        if step not in known:
            raise typer.BadParameter(f"no step {step!r}; the steps are {', '.join(known)}")
        if text is None or name is None:
            raise typer.BadParameter("stating a step takes --note TEXT and --as NAME")
        state = cases.add(case, who(name), "stepped", {"step": step, "text": said(text)})
    _print_steps(state)


def _print_steps(case: Case) -> None:
    from sdr_detect.evidence.coverage import stretch, told
    from sdr_detect.evidence.flow import progress

    steps = progress(case)
    left = sum(one.step.minutes for one in steps if not one.done and not one.step.optional)
    for one in steps:
        mark = "done" if one.done else "optional" if one.step.optional else "open"
        print(plain(f"{mark:9} {one.step.id:15} {one.step.minutes:3g} min  {one.step.title}"))
        if not one.done:
            print(f"{'':10}{one.step.do}")
            for what in one.missing:
                print(plain(f"{'':10}missing: {what}"))
    silence = [one.facts for one in case.current("recording") if one.role == "silence"]
    if silence:
        print(f"silence: {told([stretch(one['start_ns'], one['duration_s']) for one in silence])}")
    print(f"about {left:g} minutes left")
