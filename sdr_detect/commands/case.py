"""``sdr-detect case``: a finding from the first note to the sealed package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_detect.commands import _case_package, _case_visit, _exit
from sdr_detect.commands._case_common import (
    STORE,
    CaseArgument,
    NameOption,
    RoleOption,
    StoreOption,
    add,
    open_store,
    said,
    who,
)
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
)
from sdr_detect.commands._text import plain

if TYPE_CHECKING:
    pass

_HELP = """Keep a case: what was recorded, by whom, and what follows; then seal it.

Nothing is ever changed or deleted: each entry names the digest of the one before.

Example: sdr-detect case new --vessel "MV Example" --imo 9074729 --authority "Port of X" --as Kim
"""


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    verb = typer.Typer(help=_HELP, no_args_is_help=True)
    for name, function in (
        ("new", _new),
        ("attach", _attach),
        ("position", _case_visit.position),
        ("ais", _case_visit.ais),
        ("withdraw", _withdraw),
        ("note", _note),
        ("step", _case_visit.step),
        ("review", _review),
        ("hold", _hold),
        ("release", _release),
        ("retain", _retain),
        ("list", _list),
        ("show", _show),
        ("key", _case_package.key),
        ("seal", _case_package.seal),
        ("timestamp", _case_package.timestamp),
        ("export", _case_package.export),
        ("zones", _case_package.zones),
    ):
        verb.command(name)(function)
    app.add_typer(verb, name="case")


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
    cases = open_store(store)
    from sdr_detect.evidence.flow import flow as find_flow
    from sdr_detect.evidence.vessel import Vessel

    find_flow(flow)
    case = cases.new(
        who(name),
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
    cases = open_store(store)
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
        cases.add(case, who(name), "attached", detail)
        print(plain(f"{detail['id']}  {path}"))


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
    add(store, case, who(name), "withdrawn", {"id": attachment, "reason": said(reason)})
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
    add(store, case, who(name, role), "noted", {"text": said(text), "opinion": opinion})
    print("noted")


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
    detail = {"accepted": accept, "text": said(text)}
    add(store, case, who(name, "reviewer"), "reviewed", detail)
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
    add(store, case, who(name, role), "held", {"reason": said(reason)})
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
    add(store, case, who(name, "reviewer"), "released", {"reason": said(reason)})
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
    add(store, case, who(name, role), "retained", {"until": date.isoformat()})
    print(f"kept until {date}")


def _list(store: StoreOption = STORE) -> None:
    """List all cases.

    Example: sdr-detect case list
    """
    for case in open_store(store).cases():
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

    cases = open_store(store)
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
