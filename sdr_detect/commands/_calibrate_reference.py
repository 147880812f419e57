"""``sdr-detect calibrate reference``: the noise of a slice off target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_detect.commands._calibrate_options import GainOption, NameOption, OutOption
from sdr_detect.commands._calibrating import Facts, existing, latest_utc, same_settings, write
from sdr_detect.commands._recording_options import (
    ConverterOption,
    FormatOption,
    IfOption,
    RateOption,
    RfOption,
    spec_from_options,
)

if TYPE_CHECKING:
    from sdr_detect.calibration.reference import QuietSum
    from sdr_detect.formats.base import RawSpec


def reference(
    recordings: Annotated[list[Path], typer.Argument(metavar="RECORDING RECORDING…")],
    out: OutOption,
    level_uncertainty: Annotated[
        float,
        typer.Option(
            "--level-uncertainty",
            metavar="DB",
            min=0.001,
            max=10,
            help="Standard, of gain from now to the session; the recordings' scatter is added.",
        ),
    ] = 0.2,
    shape_uncertainty: Annotated[
        float,
        typer.Option(
            "--shape-uncertainty",
            metavar="DB",
            min=0,
            max=3,
            help="Standard, of one part of the slice against the rest; scatter is added.",
        ),
    ] = 0.01,
    name: NameOption = "receiver",
    gain: GainOption = None,
    datatype: FormatOption = None,
    rate: RateOption = None,
    rf: RfOption = None,
    if_: IfOption = None,
    converter: ConverterOption = None,
) -> None:
    """Noise of one slice off target, bin by bin: what wide carriers are told from.

    Two recordings or more, turned to the vessel and away again between them: what
    does not repeat is the reference's uncertainty. Each slice is a call of its own.

    Example: sdr-detect calibrate reference away1.sigmf-meta away2.sigmf-meta --out receiver.toml
    """  # fmt: skip
    from sdr_detect.calibration.reference import repeated
    from sdr_detect.calibration.schema import OffTarget
    from sdr_detect.calibration.update import with_off_target

    spec = spec_from_options(datatype, rate, rf, if_, converter)
    found = [_quiet(path, spec, gain) for path in recordings]
    for _, facts, _ in found[1:]:
        same_settings(found[0][1], facts)
    made = repeated([quiet for quiet, _, _ in found], shape_uncertainty, level_uncertainty)
    used = [facts for _, facts, _ in found]
    one = OffTarget(
        center_hz=found[0][2],
        power_dbfs=made.power_dbfs,
        frames=made.frames,
        shape_uncertainty_db=round(made.shape_db, 5),
        level_uncertainty_db=round(made.level_db, 5),
        method=f"mean of {len(found)} recordings off target",
        utc=latest_utc(used),
        recordings=tuple(dict.fromkeys(f.sha256 for f in used)),
    )
    write(out, with_off_target(existing(out), name, used[0].validity, one))
    print(
        f"noise off target at {one.center_hz / 1e9:.6f} GHz: {len(one.power_dbfs)} bins, "
        f"{made.frames} frames; another recording differs by {2 * made.shape_db:.3f} dB in shape "
        f"and {2 * made.level_db:.2f} dB in level (k = 2)"
    )
    print(f"wrote {out}")


def _quiet(path: Path, spec: RawSpec, gain_db: float | None) -> tuple[QuietSum, Facts, float]:
    """Quiet time of a recording, what is kept of it, and its nominal centre."""
    from sdr_detect.calibration.reference import QuietSum
    from sdr_detect.errors import CalibrationError
    from sdr_detect.formats.find import open_recording
    from sdr_detect.pipeline import Pipeline

    quiet = QuietSum()
    with open_recording(path, spec) as recording:
        if len({capture.info.center_hz for capture in recording.captures}) > 1:
            raise CalibrationError("its frequency changes; give one tuning a file", file=path)
        facts = Facts(recording, gain_db)
        pipeline = Pipeline((), observers=(quiet,))
        for block in recording.blocks():
            pipeline.process(block)
        pipeline.finish()
        if_hz = recording.info.if_center_hz
    assert if_hz is not None  # Facts has looked
    return quiet, facts, facts.plan.with_lo_error(0.0).rf_from_if(if_hz)
