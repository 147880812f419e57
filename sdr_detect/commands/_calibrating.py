"""What the verbs of ``calibrate`` share: recordings in, the file out, tables."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdr_detect.calibration.budget import Budget
    from sdr_detect.calibration.lo import Sighting
    from sdr_detect.calibration.noise import NoiseDensity
    from sdr_detect.calibration.schema import Calibration, Figure, Validity
    from sdr_detect.formats.base import RawSpec, Recording


class Facts:
    """What a calibration keeps of a recording."""

    def __init__(self, recording: Recording, gain_db: float | None) -> None:
        from sdr_detect.calibration.schema import Validity
        from sdr_detect.errors import CalibrationError

        info = recording.info
        edges = info.rf_range_hz
        if edges is None:
            raise CalibrationError(
                "its centre frequency is not known; give --rf, or --if and --converter",
                file=recording.path,
            )
        self.path = recording.path
        self.sha256 = recording.sha256()
        self.plan = info.plan
        self.start_ns = info.start_ns
        self.validity = Validity(
            gain_db=info.gain_db if gain_db is None else gain_db,
            sample_rate_hz=info.sample_rate_hz,
            rf_lower_hz=edges[0],
            rf_upper_hz=edges[1],
            converter=info.plan.converter.name,
        )


def density(path: Path, spec: RawSpec, gain_db: float | None) -> tuple[NoiseDensity, Facts]:
    """Noise density of a recording, and what is kept of it."""
    from sdr_detect.calibration.noise import noise_density
    from sdr_detect.errors import CalibrationError
    from sdr_detect.formats.find import open_recording
    from sdr_detect.rawblock import decoded

    with open_recording(path, spec) as recording:
        facts = Facts(recording, gain_db)
        try:
            return noise_density(map(decoded, recording.blocks())), facts
        except CalibrationError as exc:
            raise CalibrationError(str(exc), file=path) from exc


def sight(
    path: Path,
    spec: RawSpec,
    gain_db: float | None,
    known: Sequence[float],
    sigma_hz: float,
    at: Any,
    sightings: list[Sighting],
    drifts: list[tuple[float, float]],
) -> Facts:
    """Find carriers of known frequency in one recording; adds to ``sightings`` and ``drifts``."""
    from sdr_detect.calibration.line import line_frequencies
    from sdr_detect.calibration.lo import Sighting
    from sdr_detect.errors import CalibrationError
    from sdr_detect.formats.find import open_recording

    with open_recording(path, spec) as recording:
        facts = Facts(recording, gain_db)
        info = recording.info
        centers = {capture.info.center_hz for capture in recording.captures}
        if len(centers) > 1:
            raise CalibrationError("its frequency changes; give one tuning a file", file=path)
        try:
            lines = line_frequencies(
                recording.read, recording.stop_sample, info.sample_rate_hz, at, len(known)
            )
        except CalibrationError as exc:
            raise CalibrationError(str(exc), file=path) from exc
    assert info.center_hz is not None  # Facts has looked
    for line, true_hz in zip(lines, known, strict=True):
        sightings.append(Sighting(true_hz, sigma_hz, info.center_hz, line.offset_hz, line.sigma_hz))
        drifts.append((line.drift_hz_per_s, line.drift_sigma_hz_per_s))
    return facts


def same_settings(one: Facts, other: Facts) -> None:
    """Refuse two recordings of different settings."""
    from sdr_detect.errors import CalibrationError

    if one.validity != other.validity:
        raise CalibrationError(
            f"{one.path} and {other.path} differ in gain, rate, centre or converter: record hot "
            "and cold alike"
        )


def figure_of(budget: Budget, method: str, recordings: Sequence[Facts]) -> Figure:
    """A result as the file keeps it."""
    from sdr_detect.calibration.schema import Figure

    return Figure(
        value=round(budget.value, 6),
        uncertainty=round(budget.standard, 6),
        method=method,
        utc=latest_utc(recordings),
        recordings=tuple(dict.fromkeys(f.sha256 for f in recordings)),
    )


def latest_utc(recordings: Sequence[Facts]) -> str:
    """When the last of them began; now, where none tells."""
    start = max((f.start_ns for f in recordings if f.start_ns is not None), default=None)
    utc = time.gmtime(time.time() if start is None else start / 1e9)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", utc)


def revised(validity: Validity, changes: dict[str, float]) -> Validity:
    """A validity with other limits, checked."""
    from sdr_detect.calibration.schema import Validity
    from sdr_detect.config import build
    from sdr_detect.errors import CalibrationError

    return build(Validity, {**validity.model_dump(), **changes}, error=CalibrationError)


def existing(path: Path) -> Calibration | None:
    """The calibration to complete; None where there is no such file."""
    from sdr_detect.calibration.text import read_calibration

    return read_calibration(path) if path.exists() else None


def write(path: Path, calibration: Calibration) -> None:
    """Write the file, whole or not at all."""
    from sdr_detect.calibration.text import calibration_toml
    from sdr_detect.sinks.whole_file import write_whole

    write_whole(path, calibration_toml(calibration).encode())


def figures_in(calibration: Calibration) -> list[tuple[str, Figure]]:
    """Every figure with its dotted name."""
    from sdr_detect.calibration.schema import Figure

    parts = [("", calibration), ("antenna.", calibration.antenna), ("lo.", calibration.lo)]
    return [
        (prefix + key, value)
        for prefix, part in parts
        if part is not None
        for key, value in part
        if isinstance(value, Figure)
    ]


def print_density(found: NoiseDensity) -> None:
    """What was averaged, and what was left out."""
    print(
        f"noise {found.dbfs_per_hz:.3f} dBFS/Hz over {found.bandwidth_hz / 1e6:.3f} MHz; left out: "
        f"{found.rejected_share:.1%} of the time, {found.rejected_hz / 1e3:.0f} kHz of the band"
    )


def print_budget(budget: Budget) -> None:
    """A budget as a table."""
    from sdr_detect.commands._budget import budget_table
    from sdr_detect.commands._show import console

    console().print(budget_table(budget))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings."""
    from rich.table import Table
    from rich.text import Text

    from sdr_detect.commands._show import console
    from sdr_detect.commands._text import plain

    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    console().print(table)
