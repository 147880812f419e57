"""``sdr-detect calibrate``: recordings to the calibration of a receiver."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sdr_detect.commands._calibrate_options import GainOption, NameOption, OutOption
from sdr_detect.commands._calibrate_reference import reference
from sdr_detect.commands._calibrating import (
    Facts,
    density,
    existing,
    figure_of,
    figures_in,
    print_budget,
    print_density,
    print_table,
    revised,
    same_settings,
    sight,
    write,
)
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)

if TYPE_CHECKING:
    from sdr_detect.calibration.lo import Sighting

_HELP = """Calibrate a receiver from recordings: noise, gain, noise figure, LO error.

Every verb writes or completes one TOML file, which 'analyze', 'monitor', 'capture',
'limit' and 'compare' take as --calibration. Uncertainties given and written are
standard ones (k = 1); what is printed is expanded with k = 2.

Example: sdr-detect calibrate y-factor --hot on.sigmf-meta --cold off.sigmf-meta
--enr 15.2 --enr-uncertainty 0.1 --out receiver.toml
"""


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    verb = typer.Typer(help=_HELP, no_args_is_help=True)
    verb.command("noise")(noise)
    verb.command("y-factor")(y_factor)
    verb.command("lo")(lo)
    verb.command("reference")(reference)
    verb.command("show")(show)
    app.add_typer(verb, name="calibrate")


def noise(
    recording: Annotated[Path, typer.Argument(metavar="RECORDING")],
    out: OutOption,
    source: Annotated[
        Literal["terminated", "absorber", "quiet"],
        typer.Option("--source", help="What the input saw."),
    ] = "terminated",
    name: NameOption = "receiver",
    gain: GainOption = None,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
) -> None:
    """Noise density of a terminated input, of an absorber over the feed, or of quiet time.

    Example: sdr-detect calibrate noise terminated.sigmf-meta --out receiver.toml
    """
    from sdr_detect.calibration.update import with_levels

    spec = spec_from_options(datatype, rate, rf, if_, converter)
    found, facts = density(recording, spec, gain)
    method = f"mean density of a recording, input: {source}"
    figure = figure_of(found.budget, method, [facts])
    before = existing(out)
    made = with_levels(before, name, facts.validity, {"noise_dbfs_per_hz": figure})
    write(out, made)
    print_density(found)
    print_budget(found.budget)
    print(f"wrote {out}")


def y_factor(
    hot: Annotated[
        Path, typer.Option("--hot", metavar="RECORDING", help="With the source on, or hot.")
    ],
    cold: Annotated[
        Path, typer.Option("--cold", metavar="RECORDING", help="With the source off, or cold.")
    ],
    out: OutOption,
    enr: Annotated[
        float | None, typer.Option("--enr", metavar="DB", help="Excess noise ratio of a diode.")
    ] = None,
    enr_uncertainty: Annotated[
        float, typer.Option("--enr-uncertainty", metavar="DB", min=0, help="Standard (k = 1).")
    ] = 0.1,
    hot_k: Annotated[
        float | None, typer.Option("--hot-k", metavar="K", help="Temperature, instead of --enr.")
    ] = None,
    hot_uncertainty: Annotated[
        float, typer.Option("--hot-uncertainty", metavar="K", min=0, help="Standard.")
    ] = 3.0,
    cold_k: Annotated[
        float, typer.Option("--cold-k", metavar="K", help="Temperature of the cold source.")
    ] = 290.0,
    cold_uncertainty: Annotated[
        float, typer.Option("--cold-uncertainty", metavar="K", min=0, help="Standard.")
    ] = 3.0,
    gain_drift: Annotated[
        float,
        typer.Option("--gain-drift", metavar="DB", min=0, help="Of gain between the recordings."),
    ] = 0.05,
    mismatch: Annotated[
        float, typer.Option("--mismatch", metavar="DB", min=0, help="Of what the source delivers.")
    ] = 0.1,
    plane: Annotated[
        Literal["antenna_port", "receiver_input"],
        typer.Option("--plane", help="Where the source stood."),
    ] = "antenna_port",
    rf_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--rf-range", metavar="LOW HIGH", help="Hz; wider than the slice, with --flatness."
        ),
    ] = None,
    flatness: Annotated[
        float, typer.Option("--flatness", metavar="DB", min=0, help="Of the gain over --rf-range.")
    ] = 0.0,
    name: NameOption = "receiver",
    gain: GainOption = None,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
) -> None:
    """Gain and noise figure from a hot and a cold recording.

    The source is a diode (--enr, cold at its own temperature) or two loads
    (--hot-k, --cold-k), such as an absorber against the clear sky.

    Example: sdr-detect calibrate y-factor --hot absorber.sigmf-meta --cold sky.sigmf-meta
    --hot-k 293 --cold-k 15 --cold-uncertainty 8 --out receiver.toml
    """  # fmt: skip
    from sdr_detect.calibration import yfactor
    from sdr_detect.calibration.budget import Term
    from sdr_detect.calibration.update import with_levels

    if (enr is None) == (hot_k is None):
        raise typer.BadParameter("give either --enr or --hot-k")
    if rf_range is not None and flatness == 0:
        raise typer.BadParameter("--rf-range needs --flatness: how far the gain varies over it")
    spec = spec_from_options(datatype, rate, rf, if_, converter)
    warm, facts = density(hot, spec, gain)
    cool, other = density(cold, spec, gain)
    same_settings(facts, other)
    source = (
        yfactor.from_enr(enr, enr_uncertainty, cold_k, cold_uncertainty)
        if enr is not None
        else yfactor.Source(hot_k or 0.0, hot_uncertainty, cold_k, cold_uncertainty)
    )
    found = yfactor.y_factor(warm, cool, source, gain_drift_db=gain_drift, mismatch_db=mismatch)
    offset, validity = found.dbm_offset_db, facts.validity
    if rf_range is not None:
        term = Term("gain over the RF range", 0.0, flatness, note="as stated")
        offset = offset.followed_by(offset.quantity, offset.unit, [term])
        limits = {"rf_lower_hz": rf_range[0], "rf_upper_hz": rf_range[1]}
        validity = revised(validity, limits)
    recordings = [facts, other]
    figures = {
        "dbm_offset_db": figure_of(offset, "Y factor", recordings),
        "noise_figure_db": figure_of(found.noise_figure_db, "Y factor", recordings),
    }
    before = existing(out)
    write(out, with_levels(before, name, validity, figures, plane))
    print(f"Y {found.y_db:.3f} dB over {warm.bandwidth_hz / 1e6:.3f} MHz")
    for budget in (found.receiver_k, found.noise_figure_db, found.kgb_db, offset):
        print_budget(budget)
    print(f"wrote {out}")


def lo(
    recordings: Annotated[list[Path], typer.Argument(metavar="RECORDING…")],
    known: Annotated[
        list[float],
        typer.Option("--known", metavar="HZ", help="True frequency of a carrier; repeatable."),
    ],
    out: OutOption,
    known_uncertainty: Annotated[
        float, typer.Option("--known-uncertainty", metavar="HZ", min=0, help="Standard.")
    ] = 0.0,
    at: Annotated[
        Literal["peak", "centre", "lower-edge", "upper-edge"],
        typer.Option("--at", help="What of the carrier is known."),
    ] = "peak",
    image: Annotated[
        bool, typer.Option("--image", help="It arrives through the converter's image.")
    ] = False,
    known_drift: Annotated[
        float, typer.Option("--known-drift", metavar="HZ_PER_S", help="Of the carrier, on air.")
    ] = 0.0,
    clock_ppm: Annotated[
        float,
        typer.Option("--clock-ppm", metavar="PPM", min=0, help="Standard, of the receiver's."),
    ] = 1.0,
    max_error: Annotated[
        float, typer.Option("--max-error", metavar="HZ", help="How far the LO may be off.")
    ] = 5e6,
    name: NameOption = "receiver",
    gain: GainOption = None,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
) -> None:
    """LO error and drift from carriers of known frequency; checks which way the spectrum lies.

    One recording with one --known; one with several, the strongest carrier's first;
    or several recordings, each with its own --known or all with the same: two
    frequencies, or two tunings, tell a spectrum that is upside down.

    Example: sdr-detect calibrate lo low.sigmf-meta high.sigmf-meta --known 14.201e9
    --known 14.203e9 --known-uncertainty 50 --out receiver.toml
    """
    from sdr_detect.calibration.lo import estimate_lo, lo_drift
    from sdr_detect.calibration.schema import Figure, Lo
    from sdr_detect.calibration.update import with_lo
    from sdr_detect.catalog import converter_sheets

    if len(recordings) > 1 and len(known) not in (1, len(recordings)):
        raise typer.BadParameter(
            f"{len(recordings)} recordings and {len(known)} --known; give one for all, or each one"
        )
    if at != "peak" and len(recordings) == 1 and len(known) > 1:
        raise typer.BadParameter("several carriers in one recording are told by --at peak only")
    spec = spec_from_options(datatype, rate, rf, if_, converter)
    sightings: list[Sighting] = []
    drifts: list[tuple[float, float]] = []
    used: list[Facts] = []
    for number, path in enumerate(recordings):
        mine = known if len(recordings) == 1 else [known[number % len(known)]]
        facts = sight(path, spec, gain, mine, known_uncertainty, at, sightings, drifts)
        used.append(facts)
    plan = used[0].plan
    others = [
        (s.converter, s.lo_tolerance_hz.value if s.lo_tolerance_hz else max_error)
        for s in converter_sheets()
        if s.side != "none"
    ]
    found = estimate_lo(
        sightings, plan, others, tolerance_hz=max_error, clock_ppm=clock_ppm, image=image
    )
    drift, sigma = lo_drift(min(drifts, key=lambda d: d[1]), known_drift, image=image)
    method = f"{at} of {len(sightings)} known carriers; {found.remark}"
    error = figure_of(found.error_ppm, method, used)
    slope = Figure(
        value=drift, uncertainty=sigma, method="slope of the carrier's frequency",
        utc=error.utc, recordings=error.recordings,
    )  # fmt: skip
    calibration = Lo(error_ppm=error, drift_hz_per_s=slope)
    before = existing(out)
    write(out, with_lo(before, name, used[0].validity, calibration))
    print_budget(found.error_ppm)
    nominal = plan.converter.lo_hz
    print(f"LO {nominal * (1 + error.value * 1e-6):.0f} Hz, nominal {nominal:.0f} Hz")
    print(f"drift {drift:+.2f} ± {2 * sigma:.2f} Hz/s (k = 2)")
    print(found.remark)
    print(f"wrote {out}")


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml")],
) -> None:
    """Print a calibration: what it holds for, and every figure with its uncertainty.

    Example: sdr-detect calibrate show receiver.toml
    """
    from sdr_detect.calibration.apply import offset_budget
    from sdr_detect.calibration.text import read_calibration

    made = read_calibration(file)
    valid = made.validity
    state = "gain not stated" if valid.gain_db is None else f"gain {valid.gain_db:g} dB"
    print(f"{made.name}: levels hold for {state}, {valid.sample_rate_hz:.9g} samples/s, RF "
          f"{valid.rf_lower_hz:.10g} to {valid.rf_upper_hz:.10g} Hz, converter {valid.converter}; "
          f"measured at {made.reference_plane}")  # fmt: skip
    if made.notes:
        print(made.notes)
    figures = figures_in(made)
    print_table(("figure", "value", "U (k = 2)", "when", "how"), [
        (key, f"{f.value:.4f}", f"{2 * f.uncertainty:.4f}", f.utc, f.method)
        for key, f in figures
    ])  # fmt: skip
    for one in made.off_target.values():
        print(f"noise off target at {one.center_hz / 1e9:.6f} GHz, {one.utc}: U (k = 2) "
              f"{2 * one.shape_uncertainty_db:.3f} dB in shape, "
              f"{2 * one.level_uncertainty_db:.2f} dB in level")  # fmt: skip
    offset = offset_budget(made)
    if offset is None:
        print("no level calibration: levels stay dBFS")
    else:
        print_budget(offset)
