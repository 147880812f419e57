"""``sdr-detect limit``: how weak a terminal would have been found, in physical units."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    from sdr_detect.calibration.budget import Budget
    from sdr_detect.calibration.link import Geometry, Limits
    from sdr_detect.calibration.planning import Row
    from sdr_detect.calibration.schema import Antenna, Calibration, Figure
    from sdr_detect.commands._calibration_options import Calibrating
    from sdr_detect.formats.base import RawSpec
    from sdr_detect.profiles.schema import Profile
    from sdr_detect.settings import Settings

_PLAN = "Planning, or what the calibration does not say (standard uncertainties)"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("limit")(limit)


def _number(name: str, unit: str, text: str, least: float | None = 0) -> Any:
    return typer.Option(name, metavar=unit, help=text, min=least, rich_help_panel=_PLAN)


def limit(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="[RECORDING|RESULT.jsonl]", help="Nothing: plan from numbers."),
    ] = None,
    distance: Annotated[
        float | None, typer.Option("--distance", metavar="M", help="To the vessel.")
    ] = None,
    distance_uncertainty: Annotated[
        float, typer.Option("--distance-uncertainty", metavar="M", min=0, help="Standard.")
    ] = 0.0,
    pointing_error: Annotated[
        float, typer.Option("--pointing-error", metavar="DEG", min=0, help="Standard, either axis.")
    ] = 0.0,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="Terminal to compare with.")
    ] = "starlink_uplink",
    seconds: Annotated[float, _number("--time", "S", "Analysed time.")] = 15.0,
    noise_figure: Annotated[float | None, _number("--noise-figure", "DB", "Of the chain.")] = None,
    noise_figure_uncertainty: Annotated[
        float, _number("--noise-figure-uncertainty", "DB", "")
    ] = 0.5,
    antenna_k: Annotated[
        float, _number("--antenna-temperature", "K", "What the antenna hears by itself.", 1)
    ] = 200.0,
    antenna_k_uncertainty: Annotated[
        float, _number("--antenna-temperature-uncertainty", "K", "")
    ] = 50.0,
    antenna_gain: Annotated[
        float | None, _number("--antenna-gain", "DBI", "At boresight.", None)
    ] = None,
    antenna_gain_uncertainty: Annotated[
        float, _number("--antenna-gain-uncertainty", "DB", "")
    ] = 1.0,
    beamwidth: Annotated[float | None, _number("--beamwidth", "DEG", "Half power.", 0.01)] = None,
    polarisation_loss: Annotated[
        float, _number("--polarisation-loss", "DB", "Circular to linear: 3.")
    ] = 3.0,
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
    """State the weakest terminal found with probability 0.9: C/N, flux density, EIRP.

    Of a recording or of the JSON Lines of 'analyze' and 'monitor', with a
    calibration; or, without either, of a watch that is planned (--rate, --rf, --time,
    --noise-figure).

    Example: sdr-detect limit quay.sigmf-meta --calibration receiver.toml --distance 400
    --distance-uncertainty 20
    """
    from sdr_detect import catalog
    from sdr_detect.analysis import resolve_settings
    from sdr_detect.config import apply_sets, build
    from sdr_detect.settings import Settings, SiteSettings

    settings = resolve_settings(config, sets or ())
    stated = {
        "distance_m": distance,
        "distance_uncertainty_m": distance_uncertainty or None,
        "pointing_error_deg": pointing_error or None,
    }
    given = {key: value for key, value in stated.items() if value is not None}
    site = build(SiteSettings, settings.site.model_dump() | given)
    settings = build(Settings, apply_sets(settings.model_dump(), ()) | {"site": site})
    calibrating = calibration_from_options(calibration, gain)
    made = calibrating.calibration
    antenna = None if made is None else made.antenna
    if antenna_gain is not None:
        antenna = _antenna(antenna_gain, antenna_gain_uncertainty, beamwidth, polarisation_loss)
    emitter = catalog.profile(profile)
    spec = spec_from_options(datatype, rate, rf, if_, converter)
    if source is None:
        noise_db = _noise_figure(noise_figure, noise_figure_uncertainty, made)
        head, found = _planned(
            spec, settings, seconds, noise_db, antenna_k, antenna_k_uncertainty, antenna, site
        )
    else:
        head, found = _heard(source, spec, settings, calibrating, antenna)
    with json_output(json) as out:
        if out is not None:
            import json as jsonlib

            record = _record(head, found, emitter, site.distance_m)
            out.write(jsonlib.dumps(record, allow_nan=False, ensure_ascii=False) + "\n")
    if json != "-":
        _show(head, found, emitter, site.distance_m)


def _stated_figure(value: float, uncertainty: float) -> Figure:
    from sdr_detect.calibration.schema import Figure

    return Figure(
        value=value, uncertainty=uncertainty, method="as stated", utc="1970-01-01T00:00:00Z"
    )


def _antenna(gain: float, doubt: float, beamwidth: float | None, loss: float) -> Antenna:
    from sdr_detect.calibration.schema import Antenna

    return Antenna(
        gain_dbi=_stated_figure(gain, doubt),
        beamwidth_deg=None if beamwidth is None else _stated_figure(beamwidth, 0.0),
        polarisation_loss_db=_stated_figure(loss, 0.5),
    )


def _noise_figure(value: float | None, doubt: float, made: Calibration | None) -> Budget:
    from sdr_detect.calibration.budget import Term, summed

    if value is None:
        figure = None if made is None else made.noise_figure_db
        if figure is None or (made and made.reference_plane != "antenna_port"):
            raise typer.BadParameter(
                "a plan needs --noise-figure, or a calibration that has one at the antenna's port"
            )
        value, doubt = figure.value, figure.uncertainty
    return summed("noise figure", "dB", [Term("noise figure", value, doubt)])


def _planned(
    spec: RawSpec,
    settings: Settings,
    seconds: float,
    noise_db: Budget,
    antenna_k: float,
    antenna_doubt_k: float,
    antenna: Antenna | None,
    site: Any,
) -> tuple[dict[str, Any], Limits | None]:
    from sdr_detect.calibration.link import limits, thermal_noise
    from sdr_detect.calibration.planning import planned_limit

    if spec.sample_rate_hz is None:
        raise typer.BadParameter("give a recording, a result, or --rate for a plan")
    cn_db, width_hz = planned_limit(spec.sample_rate_hz, None, seconds, settings)
    geometry = _geometry(spec.center_hz, site)
    head = _head(f"a plan of {seconds:g} s", cn_db, width_hz, seconds, None, None)
    if cn_db is None:
        return head, None
    noise = thermal_noise(noise_db, antenna_k, antenna_doubt_k)
    return head, limits(noise, cn_db, width_hz, antenna, geometry)


def _heard(
    source: Path,
    spec: RawSpec,
    settings: Settings,
    calibrating: Calibrating,
    antenna: Antenna | None,
) -> tuple[dict[str, Any], Limits | None]:
    from sdr_detect.calibration.apply import offset_budget
    from sdr_detect.calibration.link import limits, session_noise
    from sdr_detect.commands._results import result_lines

    lines = result_lines(source, spec, settings, calibrating)
    recording, verdict = lines[0], lines[-1]
    cn_db, width_hz = verdict["detection_limit_db"], verdict.get("bandwidth_hz")
    head = _head(
        recording["path"], cn_db, width_hz, verdict["analysed_s"], verdict["poi"],
        verdict["verdict"],
    ) | {"blind_s": verdict["blind_s"]}  # fmt: skip
    noise, offset_db = verdict.get("noise_dbfs_per_hz"), recording.get("dbm_offset_db")
    made = calibrating.calibration
    offset = None if made is None else offset_budget(made)
    if offset is None or offset_db is None or noise is None or cn_db is None or width_hz is None:
        head["why"] = _why(offset_db, noise, calibrating, lines)
        return head, None
    if abs(offset.value - offset_db) > 1e-3:
        head["why"] = "the result was made with another calibration"
        return head, None
    geometry = _geometry(recording["rf_center_hz"], settings.site)
    return head, limits(session_noise(noise, offset), cn_db, width_hz, antenna, geometry)


def _why(
    offset_db: float | None, noise: float | None, calibrating: Calibrating, lines: Sequence[Any]
) -> str:
    told = [line["detail"] for line in lines if "calibration" in str(line.get("detail", ""))]
    if told:
        return "; ".join(told)
    if calibrating.calibration is None:
        return "no --calibration is given: the limit stays a C/N"
    if offset_db is None:
        return "the result is not calibrated: analyse it with --calibration"
    return "no terminal could be recognised at any level" if noise else "no noise was measured"


def _geometry(center_hz: float | None, site: Any) -> Geometry | None:
    from sdr_detect.calibration.link import Geometry

    if not center_hz:
        return None
    return Geometry(
        center_hz, site.distance_m, site.distance_uncertainty_m, site.pointing_error_deg
    )


def _head(
    name: str,
    cn_db: float | None,
    width_hz: float | None,
    seconds: float,
    poi: float | None,
    verdict: str | None,
) -> dict[str, Any]:
    return {
        "type": "limit", "path": name, "detection_limit_db": cn_db, "bandwidth_hz": width_hz,
        "analysed_s": seconds, "blind_s": None, "poi": poi, "verdict": verdict, "why": None,
    }  # fmt: skip


def _rows(found: Limits | None, emitter: Profile, distance_m: float | None) -> list[Row]:
    from sdr_detect.calibration.planning import at_the_limit

    if found is None or found.eirp_dbm is None:
        return []
    return at_the_limit(found.eirp_dbm.value, found.eirp_dbm.expanded, distance_m, emitter)


def _record(
    head: dict[str, Any], found: Limits | None, emitter: Profile, distance_m: float | None
) -> dict[str, Any]:
    record = dict(head)
    for name in ("dbm", "pfd_dbw_m2", "eirp_dbm"):
        budget: Budget | None = None if found is None else getattr(found, name)
        key = f"detection_limit_{name}"
        record[key] = None if budget is None else round(budget.value, 2)
        record[f"{key}_expanded_db"] = None if budget is None else round(budget.expanded, 2)
    record["distance_m"] = distance_m
    record["terminals"] = [
        {
            "horizon_gain_dbi": row.gain_dbi,
            "port_dbm": round(row.port_dbm, 2),
            "typical_port_dbm": None if row.typical is None else row.typical.port_dbm,
            "found": row.word,
            "reach_m": None if row.reach_m is None else round(row.reach_m, 1),
        }
        for row in _rows(found, emitter, distance_m)
    ]
    return record


def _show(
    head: dict[str, Any], found: Limits | None, emitter: Profile, distance_m: float | None
) -> None:
    from sdr_detect.calibration.link import ASSUMPTIONS
    from sdr_detect.calibration.planning import beam_remarks
    from sdr_detect.commands._budget import budget_table
    from sdr_detect.commands._show import console
    from sdr_detect.commands._text import plain
    from sdr_detect.sinks import wording

    out = console()
    cn_db = head["detection_limit_db"]
    limit_text = wording.UNKNOWN if cn_db is None else f"{cn_db:+.1f} dB"
    poi = (
        "" if head["poi"] is None else f", probability of intercept {wording.percent(head['poi'])}"
    )
    blind = "" if not head["blind_s"] else f", {wording.seconds(head['blind_s'])} blind"
    out.print(
        plain(f"{head['path']}: C/N {limit_text} in {wording.hertz(head['bandwidth_hz'])} for "
              f"Pd 0.9 after {wording.seconds(head['analysed_s'])}{blind}{poi}"),
        markup=False,
    )  # fmt: skip
    if found is None:
        why = head["why"] or "no terminal could be recognised at any level"
        out.print(plain(f"no limit in physical units: {why}"), markup=False)
        return
    budgets = [b for b in (found.dbm, found.pfd_dbw_m2, found.eirp_dbm) if b is not None]
    for budget in budgets[:-1]:
        out.print(
            f"{budget.quantity}: {budget.value:.1f} ± {budget.expanded:.1f} {budget.unit} (k = 2) "
            f"in {wording.hertz(found.bandwidth_hz)}",
            markup=False,
        )
    out.print(budget_table(budgets[-1]))
    if found.eirp_dbm is None:
        out.print("no EIRP: that takes an antenna (calibration or --antenna-gain), --distance "
                  "and the frequency", markup=False)  # fmt: skip
        return
    _show_terminals(_rows(found, emitter, distance_m), emitter)
    for remark in beam_remarks(found.eirp_dbm.value, emitter.power):
        out.print(plain(remark), markup=False)
    for assumption in ASSUMPTIONS:
        out.print(f"assumed: {assumption}", markup=False)


def _show_terminals(rows: Sequence[Row], emitter: Profile) -> None:
    from rich.table import Table

    from sdr_detect.commands._show import console

    table = Table(
        "gain towards here", "found from, at its antenna's port", "typical", "would be",
        "typical found up to", box=None, pad_edge=False,
        title=f"{emitter.name}, under assumed gains towards the horizon", title_justify="left",
    )  # fmt: skip
    for row in rows:
        watts = 10 ** (row.port_dbm / 10 - 3)
        typical = "unknown" if row.typical is None else f"{row.typical.port_dbm:g} dBm"
        reach = "unknown" if row.reach_m is None else f"{row.reach_m / 1e3:.3g} km, free space"
        table.add_row(
            f"{row.gain_dbi:+.0f} dBi", f"{row.port_dbm:.1f} dBm ({watts:.3g} W)", typical,
            row.word, reach,
        )  # fmt: skip
    console().print(table)
