"""``sdr-detect case``: a finding from the first note to the sealed package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sdr_detect.commands import _exit
from sdr_detect.commands._output import ConfigOption, SetOption
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
)
from sdr_detect.commands._text import plain
from sdr_detect.errors import ConfigError

if TYPE_CHECKING:
    from sdr_detect.evidence.case import Case, Who
    from sdr_detect.evidence.store import CaseStore

_HELP = """Keep a case: what was recorded, by whom, and what follows; then seal it.

Nothing is ever changed or deleted: each entry names the digest of the one before.

Example: sdr-detect case new --vessel "MV Example" --imo 9074729 --authority "Port of X" --as Kim
"""

StoreOption = Annotated[
    Path,
    typer.Option("--store", metavar="FILE", envvar="SDR_DETECT_CASES", help="The file of cases."),
]
NameOption = Annotated[
    str, typer.Option("--as", metavar="NAME", envvar="SDR_DETECT_NAME", help="Who you are.")
]
RoleOption = Annotated[
    Literal["operator", "reviewer"], typer.Option("--role", help="What you act as.")
]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE")]
STORE = Path("cases.sqlite")


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    verb = typer.Typer(help=_HELP, no_args_is_help=True)
    for name, function in (
        ("new", _new),
        ("attach", _attach),
        ("position", _position),
        ("ais", _ais),
        ("withdraw", _withdraw),
        ("note", _note),
        ("step", _step),
        ("review", _review),
        ("hold", _hold),
        ("release", _release),
        ("retain", _retain),
        ("list", _list),
        ("show", _show),
        ("key", _key),
        ("seal", _seal),
        ("timestamp", _timestamp),
    ):
        verb.command(name)(function)
    app.add_typer(verb, name="case")


def _store(path: Path) -> CaseStore:
    try:
        from sdr_detect.evidence.store import CaseStore
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"cases need {exc.name}; install the extra: pip install 'sdr-detect[case]'"
        ) from exc
    return CaseStore(path)


def _who(name: str, role: Literal["operator", "reviewer"] = "operator") -> Who:
    from sdr_detect.evidence.case import Who

    return Who(name, role)


def _new(
    name: NameOption,
    vessel: Annotated[str, typer.Option("--vessel", metavar="NAME", help="The vessel's name.")],
    authority: Annotated[
        str, typer.Option("--authority", help="On whose behalf; the ship's operator for silence.")
    ],
    imo: Annotated[str | None, typer.Option("--imo", help="IMO number, seven digits.")] = None,
    mmsi: Annotated[str | None, typer.Option("--mmsi", help="MMSI, nine digits.")] = None,
    flag: Annotated[str | None, typer.Option("--flag", help="Flag state.")] = None,
    berth: Annotated[str | None, typer.Option("--berth", help="Berth or anchorage.")] = None,
    flow: Annotated[
        str, typer.Option("--flow", help="Guided steps: visit, or silence for proof of silence.")
    ] = "visit",
    identifier: Annotated[
        str | None, typer.Option("--id", help="Name of the case; otherwise YEAR-NUMBER.")
    ] = None,
    another: Annotated[
        bool, typer.Option("--another", help="Although the vessel has an open case.")
    ] = False,
    store: StoreOption = STORE,
) -> None:
    """Open a case.

    Example: sdr-detect case new --as Kim --vessel "MV Example" --imo 9074729 --authority Harbour
    """
    cases = _store(store)
    from sdr_detect.evidence.flow import flow as find_flow
    from sdr_detect.evidence.vessel import Vessel

    find_flow(flow)
    case = cases.new(
        _who(name),
        Vessel(vessel, imo, mmsi, flag, berth),
        authority=authority,
        flow=flow,
        identifier=identifier,
        another=another,
    )
    print(f"opened case {case.id} in {store}")


def _attach(
    case: CaseArgument,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…")],
    name: NameOption,
    purpose: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="PURPOSE",
            help="A recording's: on_target, off_target, neighbour, power_off, check, control, "
            "silence.",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="Another file's: photo, ais, comparison, calibration, document."
        ),
    ] = None,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
    store: StoreOption = STORE,
) -> None:
    """Attach recordings or other files. They stay where they are; their digests are kept.

    Example: sdr-detect case attach 2026-001 on1.sigmf-meta --for on_target --as Kim
    """
    if (purpose is None) == (kind is None):
        raise typer.BadParameter("give --for PURPOSE for recordings, or --kind KIND for the rest")
    cases = _store(store)
    from sdr_detect.evidence.attach import file_detail, recording_detail

    stated = {
        "datatype": datatype,
        "rate_hz": rate,
        "rf_hz": rf,
        "if_hz": if_,
        "converter": converter,
    }
    for path in files:
        state = cases.case(case)
        if purpose is not None:
            detail = recording_detail(state, path, purpose, stated)
        else:
            detail = file_detail(state, path, kind or "")
        cases.add(case, _who(name), "attached", detail)
        print(plain(f"{detail['id']}  {path}"))


def _position(
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
    _add(store, case, _who(name), "positioned", found)
    print(plain(f"{found['latitude_deg']}, {found['longitude_deg']} by {found['source']}"))


def _ais(
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
    cases = _store(store)
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
    cases.add(case, _who(name), "attached", detail)
    for seen in detail["facts"]["vessels"]:
        where = f"{seen['range_m']} m at {seen['bearing_deg']}°" if "range_m" in seen else ""
        print(plain(f"{seen['mmsi']}  IMO {seen['imo'] or '-'}  {seen['name'] or '-'}  {where}"))
    for text in detail["facts"]["doubts"]:
        print(plain(f"note: {text}"))


def _withdraw(
    case: CaseArgument,
    attachment: Annotated[str, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stays in the log.")],
    name: NameOption,
    store: StoreOption = STORE,
) -> None:
    """Leave an attachment out of what follows. It stays in the log, with the reason.

    Example: sdr-detect case withdraw 2026-001 r3 --reason "wrong berth" --as Kim
    """
    _add(store, case, _who(name), "withdrawn", {"id": attachment, "reason": _said(reason)})
    print(f"withdrew {attachment}")


def _note(
    case: CaseArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    name: NameOption,
    opinion: Annotated[
        bool, typer.Option("--opinion", help="An opinion: kept apart from findings.")
    ] = False,
    role: RoleOption = "operator",
    store: StoreOption = STORE,
) -> None:
    """Write a note.

    Example: sdr-detect case note 2026-001 "crane moved at 10:20" --as Kim
    """
    _add(store, case, _who(name, role), "noted", {"text": _said(text), "opinion": opinion})
    print("noted")


def _step(
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
    cases = _store(store)
    state = cases.case(case)
    if step is not None:
        from sdr_detect.evidence.flow import flow

        known = [one.id for one in flow(state.flow).step]
        if step not in known:
            raise typer.BadParameter(f"no step {step!r}; the steps are {', '.join(known)}")
        if text is None or name is None:
            raise typer.BadParameter("stating a step takes --note TEXT and --as NAME")
        state = cases.add(case, _who(name), "stepped", {"step": step, "text": _said(text)})
    _print_steps(state)


def _print_steps(case: Case) -> None:
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
    print(f"about {left:g} minutes left")


def _review(
    case: CaseArgument,
    name: NameOption,
    accept: Annotated[bool, typer.Option("--accept/--reject", help="What you hold of it.")],
    text: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why.")],
    store: StoreOption = STORE,
) -> None:
    """Accept or reject a case, as somebody who did not work on it.

    Example: sdr-detect case review 2026-001 --accept --note "levels agree" --as Lee
    """
    detail = {"accepted": accept, "text": _said(text)}
    _add(store, case, _who(name, "reviewer"), "reviewed", detail)
    print("accepted" if accept else "rejected")


def _hold(
    case: CaseArgument,
    reason: Annotated[str, typer.Option("--reason", help="By whose order.")],
    name: NameOption,
    role: RoleOption = "operator",
    store: StoreOption = STORE,
) -> None:
    """Put a litigation hold on a case: nothing is withdrawn while it lasts.

    Example: sdr-detect case hold 2026-001 --reason "court order 12/26" --as Kim
    """
    _add(store, case, _who(name, role), "held", {"reason": _said(reason)})
    print("held")


def _release(
    case: CaseArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why it ends.")],
    name: NameOption,
    store: StoreOption = STORE,
) -> None:
    """End a litigation hold, as the reviewer.

    Example: sdr-detect case release 2026-001 --reason "case closed" --as Lee
    """
    _add(store, case, _who(name, "reviewer"), "released", {"reason": _said(reason)})
    print("released")


def _retain(
    case: CaseArgument,
    until: Annotated[str, typer.Option("--until", metavar="YYYY-MM-DD")],
    name: NameOption,
    role: RoleOption = "operator",
    store: StoreOption = STORE,
) -> None:
    """State how long a case is to be kept; the date can only be put off.

    The program itself deletes nothing.

    Example: sdr-detect case retain 2026-001 --until 2036-12-31 --as Kim
    """
    import datetime

    try:
        date = datetime.date.fromisoformat(until)
    except ValueError as exc:
        raise typer.BadParameter(f"{until!r} is no date; write YYYY-MM-DD") from exc
    _add(store, case, _who(name, role), "retained", {"until": date.isoformat()})
    print(f"kept until {date}")


def _list(store: StoreOption = STORE) -> None:
    """List all cases.

    Example: sdr-detect case list
    """
    for case in _store(store).cases():
        marks = [
            f"{len(case.current('recording'))} recordings",
            *(["held"] if case.hold is not None else []),
            *([f"keep until {case.retain_until}"] if case.retain_until else []),
            *(["sealed"] if case.sealed else []),
        ]
        print(plain(f"{case.id}  {case.opened_utc[:16]}Z  {case.vessel.name}  {', '.join(marks)}"))


def _show(case: CaseArgument, store: StoreOption = STORE) -> None:
    """Print the log of a case, and whether its chain is whole.

    Example: sdr-detect case show 2026-001
    """
    from json import dumps

    cases = _store(store)
    for entry in cases.entries(case):
        clock = "" if entry["clock"]["synchronised"] else "  (clock not steered)"
        back = f"  (clock had gone back {entry['clock_back_ns'] / 1e9:g} s)"
        clock += back if entry["clock_back_ns"] else ""
        print(
            plain(
                f"{entry['number']:4}  {entry['at_utc']}{clock}  {entry['name']} ({entry['role']})"
                f"  {entry['action']}  {dumps(entry['detail'], ensure_ascii=False)}"
            )
        )
    faults = cases.faults()
    for text in faults:
        print(plain(f"WRONG  {text}"))
    if faults:
        raise typer.Exit(_exit.FAILURE)
    print("the chain of the store is unbroken")


def _key(
    name: Annotated[str, typer.Argument(help="Of the key, such as its owner's.")],
    folder: Annotated[Path, typer.Option("--folder", metavar="DIR")] = Path(),
) -> None:
    """Make the key pair with which packages are sealed.

    Example: sdr-detect case key inspector --folder keys
    """
    from sdr_detect.evidence.signing import new_pair

    public, secret, fingerprint = new_pair(folder, name)
    print(f"{public}  public: give it, or its fingerprint, to whoever will check packages")
    print(f"{secret}  secret: stays on this machine")
    print(f"fingerprint {fingerprint}")


def _seal(
    case: CaseArgument,
    out: Annotated[Path, typer.Option("--out", metavar="PACKAGE", help="The package to write.")],
    key: Annotated[Path, typer.Option("--key", metavar="NAME.seal", help="Your secret key.")],
    name: NameOption,
    config: ConfigOption = None,
    sets: SetOption = None,
    store: StoreOption = STORE,
) -> None:
    """Analyse all recordings of a case and seal it in one file.

    Steps that are not done are named; they do not hinder it.

    Example: sdr-detect case seal 2026-001 --out visit.sdrcase --key inspector.seal --as Kim
    """
    cases = _store(store)
    from sdr_detect.analysis import resolve_settings
    from sdr_detect.catalog import profiles
    from sdr_detect.commands._interrupt import stop_on_interrupt
    from sdr_detect.evidence.flow import unfinished
    from sdr_detect.evidence.results import Steering
    from sdr_detect.evidence.sealing import seal_case
    from sdr_detect.evidence.verify import read_json, verify

    steering = Steering(resolve_settings(config, sets or ()), tuple(profiles()))
    for text in unfinished(cases.case(case)):
        print(plain(f"not done: {text}"))
    with stop_on_interrupt() as stop:
        digest = seal_case(cases, case, _who(name), out, key, steering, stop=stop)
    result = verify(out)
    if not result.ok:
        raise ConfigError(f"{out} does not verify: {result.findings[0]}; the disk may be failing")
    print(plain(read_json(result, "results.json")["conclusion"]["sentence"]))
    print(f"wrote {out}, named by {digest}")


def _timestamp(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE")],
    request: Annotated[
        Path | None,
        typer.Option("--request", metavar="FILE.tsq", help="Write what to send to an authority."),
    ] = None,
    token: Annotated[
        Path | None, typer.Option("--token", metavar="FILE.tsr", help="The authority's answer.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="PACKAGE", help="The package with the answer.")
    ] = None,
) -> None:
    """Have a sealed package time-stamped by a third party (RFC 3161).

    The request holds a digest only. This program uses no network: send it yourself.

    Example: sdr-detect case timestamp visit.sdrcase --request visit.tsq
    """
    from sdr_detect.evidence import timestamping

    if request is not None and token is None and out is None:
        timestamping.write_request(package, request)
        print(f"wrote {request}")
    elif request is None and token is not None and out is not None:
        stamp = timestamping.add_token(package, token, out)
        print(plain(f"wrote {out}, stamped {stamp.at_utc} by {stamp.authority}"))
    else:
        raise typer.BadParameter("give --request FILE, or --token FILE with --out PACKAGE")


def _add(store: Path, case: str, who: Who, action: str, detail: dict[str, Any]) -> None:
    _store(store).add(case, who, action, detail)


def _said(text: str) -> str:
    from sdr_detect.evidence.vessel import plain_text

    return plain_text("text", text, 10_000)
