"""``sdr-detect compare``: an inspector's test, from two results to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sdr_detect.commands._calibration_options import (
    CalibrationOption,
    GainOption,
    calibration_from_options,
)
from sdr_detect.commands._output import ConfigOption, JsonOption, SetOption, json_output
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)

if TYPE_CHECKING:
    from sdr_detect.steps import Combined, Finding, Result

_GUIDES = {
    "off-target": (
        "1. Point at the vessel, record (--on). 2. Turn the antenna away by more than its "
        "beamwidth, touch nothing else, record as long (--off). 3. Alternate three times or more: "
        "give --on and --off again, in the same order."
    ),
    "absorber": (
        "1. Record with the feed open (--on). 2. Put the absorber over the whole feed, touch "
        "nothing else, record as long (--off). What stays as strong did not come from the antenna."
    ),
    "second-lo": (
        "1. Record with one LO (--on). 2. Change the converter, or move its LO by more than "
        "100 kHz, and tune to the same frequency on air, record (--off). What stays there is RF."
    ),
    "check-source": (
        "1. Switch the check source on, record (--on), switch it off. 2. Do the session "
        "(--session). 3. Switch it on again, unmoved, record (--off)."
    ),
}


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("compare")(compare)


def compare(
    on: Annotated[
        list[Path] | None,
        typer.Option("--on", metavar="RECORDING|RESULT", help="On target; open; first; before."),
    ] = None,
    off: Annotated[
        list[Path] | None,
        typer.Option("--off", metavar="RECORDING|RESULT", help="Off; covered; second LO; after."),
    ] = None,
    kind: Annotated[
        Literal["off-target", "absorber", "second-lo", "check-source"],
        typer.Option("--kind", help="Which test."),
    ] = "off-target",
    session: Annotated[
        Path | None,
        typer.Option("--session", metavar="RECORDING|RESULT", help="Between two check sources."),
    ] = None,
    check_rf: Annotated[
        float | None, typer.Option("--check-rf", metavar="HZ", help="Where the check source is.")
    ] = None,
    json: JsonOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    calibration: CalibrationOption = None,
    gain: GainOption = None,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
) -> None:
    """Compare two results: whether it comes from the target, from the antenna, by radio.

    Without --on and --off it says how the test is done. The JSON Lines that it
    writes are a result again, so that one test can follow another.

    Example: sdr-detect compare --kind absorber --on open.jsonl --off covered.jsonl --json out.jsonl
    """
    if not on or not off:
        print(f"{kind}: {_GUIDES[kind]}")
        raise typer.Exit(0 if not on and not off else 2)
    _check_usage(kind, len(on), len(off), session)
    from sdr_detect import steps
    from sdr_detect.analysis import resolve_settings
    from sdr_detect.catalog import profiles
    from sdr_detect.commands._results import result_lines
    from sdr_detect.errors import ConfigError

    settings = resolve_settings(config, sets or ())
    spec = spec_from_options(datatype, rate, rf, if_, converter)
    calibrating = calibration_from_options(calibration, gain)
    roles = {entry.id: entry.role for entry in profiles()}

    def lines_of(path: Path) -> list[dict[str, Any]]:
        return result_lines(path, spec, settings, calibrating)

    def result_of(lines: list[dict[str, Any]]) -> Result:
        return steps.read_result(lines, roles)

    base = lines_of(on[0])
    ons = [result_of(base), *(result_of(lines_of(path)) for path in on[1:])]
    pairs = list(zip(ons, (result_of(lines_of(path)) for path in off), strict=True))
    try:
        findings = steps.compare(kind, pairs)
    except ValueError as exc:
        raise ConfigError(str(exc)) from exc
    subject = base if session is None else lines_of(session)
    source = _check_source(findings, check_rf) if kind == "check-source" else None
    found = steps.combined(kind, subject[-1]["verdict"], findings, source)
    with json_output(json) as out:
        if out is not None:
            for line in _lines(subject, findings, found, kind, on, off, session is None):
                _write_line(out, line)
    if json != "-":
        _show(kind, findings, source, found)


def _check_usage(kind: str, on: int, off: int, session: Path | None) -> None:
    if on != off:
        raise typer.BadParameter(f"{on} --on and {off} --off; give them in pairs")
    if on > 1 and kind not in ("off-target", "absorber"):
        raise typer.BadParameter(f"--kind {kind} takes one pair")
    if session is not None and kind != "check-source":
        raise typer.BadParameter("--session lies between two looks at a check source")


def _check_source(findings: Sequence[Finding], rf_hz: float | None) -> Finding | None:
    """The check source: the track at its frequency, or the strongest."""
    near = [
        f for f in findings
        if rf_hz is None or f.track.low_hz - 50e3 <= rf_hz <= f.track.high_hz + 50e3
    ]  # fmt: skip
    return max(near, key=lambda f: f.track.snr_db, default=None)


def _lines(
    subject: Sequence[dict[str, Any]],
    findings: Sequence[Finding],
    found: Combined,
    kind: str,
    on: Sequence[Path],
    off: Sequence[Path],
    own: bool,
) -> list[dict[str, Any]]:
    """The result with what the step showed: tracks that count or not, then the verdict."""
    from sdr_detect.steps import kept

    counts = {f.track.id: kept(f) for f in findings} if own else {}
    lines = [
        {**line, "counts": counts.get(line["id"], line.get("counts"))}
        if line.get("type") == "track"
        else line
        for line in subject[:-1]
    ]
    lines += [
        {
            "type": "comparison", "kind": kind, "on": [str(p) for p in on],
            "off": [str(p) for p in off], "track": f.track.id, "status": f.status,
            "counts": f.counts, "contrast_db": _rounded(f.contrast_db),
            "contrast_expanded_db": _rounded(f.expanded_db), "at_least": f.at_least,
            "detail": f.text,
        }
        for f in findings
    ]  # fmt: skip
    verdict = dict(subject[-1])
    if found.verdict != verdict["verdict"]:
        verdict |= {"system": None, "confidence": 0.0, "pfa": 1.0}
    verdict |= {
        "verdict": found.verdict,
        "attributed": found.attributed,
        "reasons": [*found.reasons, *verdict["reasons"]],
    }
    return [*lines, verdict]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _write_line(out: Any, line: dict[str, Any]) -> None:
    import json

    out.write(json.dumps(line, allow_nan=False, ensure_ascii=False) + "\n")


def _show(kind: str, findings: Sequence[Finding], source: Finding | None, found: Combined) -> None:
    from sdr_detect.commands._show import console
    from sdr_detect.commands._text import plain

    out = console()
    out.print(f"{kind}: {_GUIDES[kind]}", style="dim", markup=False)
    shown = [source] if source is not None else findings if kind != "check-source" else []
    for finding in shown:
        track = finding.track
        what = f"T{track.id} {track.kind}, {track.low_hz / 1e9:.6f}-{track.high_hz / 1e9:.6f} GHz"
        mark = ", like a terminal" if track.terminal else ""
        out.print(plain(f"{what}{mark}: {finding.text}"), markup=False)
    if not findings:
        out.print("nothing was found in the first recording: there is nothing to compare")
    attributed = {True: "counts for this vessel", False: "does not count for this vessel",
                  None: "attribution not decided"}[found.attributed]  # fmt: skip
    out.print(plain(f"verdict: {found.verdict} ({attributed})"), style="bold", markup=False)
    for reason in found.reasons:
        out.print(plain(f"  {reason}"), markup=False)
