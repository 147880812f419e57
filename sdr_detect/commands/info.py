"""``sdr-detect info``: what a recording is, and the evidence for it."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdr_detect.commands._output import JsonOption, json_output, keep_recordings
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)

if TYPE_CHECKING:
    from sdr_detect.formats.base import RawSpec, Recording
    from sdr_detect.formats.evidence import Evidence
    from sdr_detect.formats.weigh import Candidate


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("info")(info)


def info(
    recording: Annotated[Path, typer.Argument(metavar="RECORDING")],
    json: JsonOption = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Compute the digest of the data; compare it if one is said."),
    ] = False,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
) -> None:
    """Say what a recording is, with the evidence, and what speaks against it.

    Of a raw file without --format and --rate it weighs the sample types, and
    chooses none.

    Example: sdr-detect info slice.bin --format cs8 --rate 20e6 --if 1450e6 --converter ku-12.80
    """
    from sdr_detect.formats import raw
    from sdr_detect.formats.evidence import examine
    from sdr_detect.formats.find import identify
    from sdr_detect.formats.signatures import refuse_foreign

    keep_recordings([recording], json)
    spec = spec_from_options(datatype, rate, rf, if_, converter)
    module = identify(recording)
    with json_output(json) as stream:
        if module.NAME == raw.NAME and (spec.datatype is None or spec.sample_rate_hz is None):
            refuse_foreign(recording)
            record = _show_untyped(recording, spec, quiet=json == "-")
        else:
            with module.open_file(recording, spec) as opened:
                evidence = examine(opened)
                record = _record(opened, evidence)
                if verify:
                    record["sha256"] = opened.sha256()
                    record["sha512_matches"] = opened.verify()
                if json != "-":
                    _show(opened, evidence, record)
        if stream is not None:
            print(jsonlib.dumps(record, allow_nan=False), file=stream)


def _record(opened: Recording, evidence: Evidence) -> dict[str, Any]:
    """The JSON object; unknown is null."""
    return {
        "type": "recording",
        "path": str(opened.path),
        "format": opened.format,
        "sample_rate_hz": opened.info.sample_rate_hz,
        "rf_center_hz": opened.info.center_hz,
        "if_center_hz": opened.info.if_center_hz,
        "converter": opened.info.plan.converter.name,
        "start_ns": opened.info.start_ns,
        "duration_s": opened.duration_s,
        "sample_count": opened.sample_count,
        "lost_samples": opened.stop_sample - opened.sample_count,
        "captures": [
            {
                "start_sample": capture.first_sample,
                "sample_count": capture.sample_count,
                "lost_before": capture.lost_before,
                "rf_center_hz": capture.info.center_hz,
            }
            for capture in opened.captures
        ],
        "notes": list(opened.notes),
        "evidence": asdict(evidence),
    }


def _show_untyped(path: Path, spec: RawSpec, *, quiet: bool) -> dict[str, Any]:
    """Weigh the sample types of a file without a header, and name the options to give."""
    from sdr_detect.formats.store import FileRange
    from sdr_detect.formats.weigh import weigh_range

    size = path.stat().st_size
    candidates = weigh_range(FileRange(path))
    command = _command(path, spec, candidates)
    if not quiet:
        _print_candidates(path, size, candidates, command)
    return {
        "type": "recording",
        "path": str(path),
        "format": None,
        "size_bytes": size,
        "candidates": [asdict(candidate) for candidate in candidates],
        "command": command,
    }


def _command(path: Path, spec: RawSpec, candidates: tuple[Candidate, ...]) -> str:
    """The command to give next; the type stays open unless one alone fits."""
    from sdr_detect.formats.weigh import FIT, UNFIT

    fitting = [c.datatype for c in candidates if c.weight >= UNFIT]
    clear = len(fitting) == 1 and candidates[0].weight >= FIT
    sample_type = spec.datatype or (fitting[0] if clear else "TYPE")
    rate = "HZ" if spec.sample_rate_hz is None else f"{spec.sample_rate_hz:.12g}"
    words = f"sdr-detect info {path} --format {sample_type} --rate {rate}"
    if spec.if_hz is not None:
        return f"{words} --if {spec.if_hz:.12g} --converter {spec.plan.converter.name}"
    return f"{words} --rf {'HZ' if spec.rf_hz is None else f'{spec.rf_hz:.12g}'}"


def _print_candidates(
    path: Path, size: int, candidates: tuple[Candidate, ...], command: str
) -> None:
    from rich.table import Table

    from sdr_detect.commands._show import console
    from sdr_detect.commands._text import plain

    out = console()
    out.print(f"{plain(str(path))}: {size} bytes, no known header", markup=False)
    if candidates:
        table = Table("type", "weight", "reason", box=None, title_justify="left")
        for candidate in candidates:
            table.add_row(candidate.datatype, f"{candidate.weight:.2f}", candidate.reason)
        out.print(table)
        out.print("Weights are evidence, not a choice: state the type that was recorded.")
    else:
        out.print("Too few bytes, or all the same: nothing tells the sample type.")
    out.print(f"Next: {plain(command)}", markup=False, soft_wrap=True)


def _show(opened: Recording, evidence: Evidence, record: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from sdr_detect.commands._show import console
    from sdr_detect.commands._text import plain

    out = console()
    out.print(Text(plain(str(opened.path)), style="bold"))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, value in (*_identity(opened, record), *_figures(evidence)):
        table.add_row(name, Text(plain(value)))
    out.print(table)
    if evidence.peak is not None:
        out.print(Text(_histogram(evidence)))
    for note in opened.notes:
        out.print(Text(plain(f"note: {note}")))
    for suspicion in evidence.suspicions:
        out.print(Text(plain(f"suspicious: {suspicion}"), style="yellow"))


def _identity(opened: Recording, record: dict[str, Any]) -> list[tuple[str, str]]:
    from sdr_detect.sinks import wording

    info, lost = opened.info, record["lost_samples"]
    rows = [
        ("format", opened.format),
        ("sample rate", f"{info.sample_rate_hz:.12g} Hz"),
        ("samples", f"{opened.sample_count} ({wording.seconds(opened.duration_s)})"),
        ("start", wording.start_time(info)),
        ("frequencies", _frequencies(opened)),
    ]
    if len(opened.captures) > 1:
        rows.append(("captures", f"{len(opened.captures)}, {lost} samples lost between them"))
    if "sha256" in record:
        rows.append(("SHA-256", record["sha256"]))
        told = {None: "none stated", True: "agrees", False: "DIFFERS: the data were changed"}
        rows.append(("SHA-512 of metadata", told[record["sha512_matches"]]))
    return rows


def _frequencies(opened: Recording) -> str:
    """RF range, IF and converter of the first capture."""
    from sdr_detect.sinks import wording

    info, converter = opened.info, opened.info.plan.converter
    if info.rf_range_hz is None:
        return "centre not known; give --rf HZ, or --if HZ --converter NAME"
    lower, upper = (wording.hertz(edge) for edge in info.rf_range_hz)
    text = f"RF {wording.hertz(info.center_hz)}, from {lower} to {upper}"
    if converter.side == "none":
        return text
    inverted = "; the stored spectrum is inverted" if opened.captures[0].conjugate else ""
    return f"{text}; IF {wording.hertz(info.if_center_hz)} behind {converter.name}{inverted}"


def _figures(evidence: Evidence) -> list[tuple[str, str]]:
    def told(value: float | None, unit: str, form: str = ".2f") -> str:
        return "not measurable" if value is None else f"{value:{form}}{unit}"

    clipped = "no rail in floats"
    if evidence.clipped_fraction is not None:
        clipped = f"{100 * evidence.clipped_fraction:.4g} %"
    return [
        ("examined", f"{evidence.examined} samples, {evidence.levels} levels of I and Q"),
        ("level", f"rms {told(evidence.rms_dbfs, ' dBFS')}, peak {told(evidence.peak, '', '.6g')}"),
        ("clipped", clipped),
        (
            "exact zeros",
            f"{100 * evidence.zero_fraction:.4g} %, at most {evidence.longest_zero_run} in a row",
        ),
        ("NaN or infinite", str(evidence.non_finite)),
        ("DC, share of rms", f"I {evidence.dc_i:+.4f}, Q {evidence.dc_q:+.4f}"),
        (
            "I against Q",
            f"power {told(evidence.imbalance_db, ' dB', '+.2f')}, correlation "
            f"{evidence.correlation:+.3f}, noncircularity {evidence.noncircularity:.3f}",
        ),
    ]


def _histogram(evidence: Evidence) -> str:
    """Levels of I and Q on one line, the bar height logarithmic so that tails show."""
    import math

    bars = " ▁▂▃▄▅▆▇█"
    most = math.log1p(max(evidence.histogram))
    line = "".join(
        bars[math.ceil(math.log1p(n) / most * (len(bars) - 1))] for n in evidence.histogram
    )
    edge = f"{evidence.histogram_edge:.4g}"
    return f"levels (log)  -{edge} │{line}│ +{edge}"
