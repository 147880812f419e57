"""``sdr-detect case``: keys, the sealed package, and what is taken from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_detect.commands._calibration_options import (
    CalibrationOption,
    GainOption,
    calibration_from_options,
)
from sdr_detect.commands._case_common import (
    STORE,
    CaseArgument,
    NameOption,
    StoreOption,
    open_store,
    who,
)
from sdr_detect.commands._output import ConfigOption, SetOption
from sdr_detect.commands._text import plain
from sdr_detect.errors import ConfigError, EvidenceError, SinkError

if TYPE_CHECKING:
    from sdr_detect.evidence.verify import Verification


def key(
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


def seal(
    case: CaseArgument,
    out: Annotated[Path, typer.Option("--out", metavar="PACKAGE", help="The package to write.")],
    key: Annotated[Path, typer.Option("--key", metavar="NAME.seal", help="Your secret key.")],
    name: NameOption,
    config: ConfigOption = None,
    sets: SetOption = None,
    calibration: CalibrationOption = None,
    gain: GainOption = None,
    store: StoreOption = STORE,
) -> None:
    """Analyse all recordings of a case and seal it in one file.

    Steps that are not done are named; they do not hinder it.

    Example: sdr-detect case seal 2026-001 --out visit.sdrcase --key inspector.seal --as Kim
    """
    cases = open_store(store)
    from sdr_detect.analysis import resolve_settings
    from sdr_detect.catalog import profiles
    from sdr_detect.commands._interrupt import stop_on_interrupt
    from sdr_detect.evidence.flow import unfinished
    from sdr_detect.evidence.results import Steering
    from sdr_detect.evidence.sealing import seal_case
    from sdr_detect.evidence.verify import read_json, verify

    calibrating = calibration_from_options(calibration, gain)
    steering = Steering(
        resolve_settings(config, sets or ()),
        tuple(profiles()),
        calibration=calibrating.calibration,
        calibration_sha256=calibrating.sha256,
        gain_db=calibrating.gain_db,
    )
    for text in unfinished(cases.case(case)):
        print(plain(f"not done: {text}"))
    with stop_on_interrupt() as stop:
        digest = seal_case(cases, case, who(name), out, key, steering, stop=stop)
    result = verify(out)
    if not result.ok:
        raise ConfigError(f"{out} does not verify: {result.findings[0]}; the disk may be failing")
    print(plain(read_json(result, "results.json")["conclusion"]["sentence"]))
    print(f"wrote {out}, named by {digest}")


def timestamp(
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


def export(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE")],
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="All quantities as a table.")
    ] = None,
    geojson: Annotated[
        Path | None,
        typer.Option("--geojson", metavar="FILE", help="Station and vessels in view as a map."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help="The report, to be read.")
    ] = None,
    pdf: Annotated[
        Path | None,
        typer.Option("--pdf", metavar="FILE.pdf", help="The report, printed by Chromium."),
    ] = None,
    sigmf: Annotated[
        Path | None,
        typer.Option("--sigmf", metavar="DIR", help="The recordings, with SigMF annotations."),
    ] = None,
    sm2117: Annotated[
        Path | None,
        typer.Option("--sm2117", metavar="DIR", help="The recordings as ITU-R SM.2117 (HDF5)."),
    ] = None,
) -> None:
    """Write what a sealed package says for other programs, if it is in order.

    Example: sdr-detect case export visit.sdrcase --report visit.html --csv visit.csv
    """
    from sdr_detect.evidence import exchange
    from sdr_detect.evidence.verify import read_json, read_member
    from sdr_detect.sinks.whole_file import write_whole

    result = _in_order(package)
    found, case = read_json(result, "results.json"), read_json(result, "case.json")
    if csv is not None:
        write_whole(csv, exchange.quantities_csv(found["quantities"]).encode())
    if geojson is not None:
        write_whole(geojson, exchange.station_geojson(case, found["conclusion"]).encode())
    if report is not None:
        write_whole(report, read_member(result, "report.html"))
    if pdf is not None:
        from sdr_detect.report.pdf import print_page

        write_whole(pdf, print_page(read_member(result, "report.html")))
    for path in filter(None, (csv, geojson, report, pdf)):
        print(plain(f"wrote {path}"))
    for folder, form in ((sigmf, "sigmf"), (sm2117, "sm2117")):
        if folder is not None:
            _export_recordings(result, folder, form)


def _in_order(package: Path) -> Verification:
    from sdr_detect.evidence.verify import verify

    result = verify(package)
    if not result.ok:
        raise EvidenceError(f"{package} is not as it was sealed: {result.findings[0]}")
    return result


def _export_recordings(result: Verification, folder: Path, form: str) -> None:
    from sdr_detect.evidence import exchange
    from sdr_detect.evidence.results import Steering, recordings_from_json
    from sdr_detect.evidence.verify import read_json

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise SinkError(f"{folder} cannot be made: {exc.strerror}") from exc
    case, name = read_json(result, "case.json"), result.manifest_sha256
    steering = Steering.from_json(read_json(result, "configuration.json"))
    for packed in recordings_from_json(read_json(result, "recordings.json")):
        one = (result.path, result.members, packed)
        if form == "sm2117":
            path = exchange.write_sm2117(*one, case, name, folder)
        else:
            path = exchange.write_sigmf(*one, steering, case, name, folder)
        print(plain(f"wrote {path}"))


def zones(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE")],
    track: Annotated[
        Path,
        typer.Option("--track", metavar="FILE.csv", help="utc,latitude_deg,longitude_deg,error_m."),
    ],
    waters: Annotated[
        Path, typer.Option("--waters", metavar="FILE.geojson", help="The areas in question.")
    ],
    border_m: Annotated[
        float, typer.Option("--border-m", min=0, help="How far the drawn borders may be off.")
    ],
) -> None:
    """Say which detected emissions of a package were in given waters, by the vessel's own track.

    Example: sdr-detect case zones log.sdrcase --track t.csv --waters eez.geojson --border-m 100
    """
    from sdr_detect.evidence.verify import read_json

    try:
        from sdr_detect.evidence import zones as module
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"zones need {exc.name}; install the extra: pip install 'sdr-detect[case]'"
        ) from exc
    result = _in_order(package)
    found = module.place(
        read_json(result, "results.json")["recordings"],
        module.read_track(track),
        module.read_waters(waters),
        border_m,
    )
    for one in found:
        margin = "" if one.margin_m is None else f"  {one.margin_m} m from the nearest border"
        margin += "" if one.uncertainty_m is None else f" ± {one.uncertainty_m} m"
        print(plain(f"{one.id}  {one.where}{margin}  {one.why}".rstrip()))
    if not found:
        print("no emission was detected: nothing to place")
