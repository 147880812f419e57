"""The two tables, recordings and tracks, as CSV, JSON and Parquet.

A column is there in every row; what is unknown is null, in CSV an empty cell.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from sdr_detect.errors import ConfigError

Kind = Literal["text", "integer", "number", "texts", "instant"]
Row = Mapping[str, Any]

#: Columns in which two runs over the same recordings differ.
TIMING = ("took_s", "cpu_s")

RESULTS: dict[str, Kind] = {
    "path": "text",
    "status": "text",
    "reason": "text",
    "error": "text",
    "verdict": "text",
    "system": "text",
    "confidence": "number",
    "pfa": "number",
    "detection_limit_db": "number",
    "detection_limit_dbm": "number",
    "detection_limit_eirp_dbm": "number",
    "poi": "number",
    "sha256": "text",
    "format": "text",
    "sample_rate_hz": "number",
    "rf_center_hz": "number",
    "converter": "text",
    "start_utc": "instant",
    "duration_s": "number",
    "sample_count": "integer",
    "analysed_s": "number",
    "blind_s": "number",
    "track_count": "integer",
    "burst_count": "integer",
    "gap_count": "integer",
    "lost_samples": "integer",
    "overload_count": "integer",
    "overload_samples": "integer",
    "reasons": "texts",
    "warnings": "texts",
    "events": "text",
    "config_sha256": "text",
    "calibration_sha256": "text",
    "version": "text",
    "took_s": "number",
    "cpu_s": "number",
}

TRACKS: dict[str, Kind] = {
    "path": "text",
    "id": "integer",
    "kind": "text",
    "start_s": "number",
    "stop_s": "number",
    "freq_lower_hz": "number",
    "freq_upper_hz": "number",
    "burst_count": "integer",
    "duty_cycle": "number",
    "burst_period_s": "number",
    "snr_db": "number",
    "power_dbfs": "number",
    "power_dbm": "number",
    "pfa": "number",
    "doppler_rate_hz_per_s": "number",
    "profile": "text",
    "system": "text",
    "score": "number",
    "flags": "texts",
}


def as_json(columns: Mapping[str, Kind], rows: Iterable[Row]) -> bytes:
    """One array of objects, a row a line."""
    lines = (
        json.dumps({name: row.get(name) for name in columns}, ensure_ascii=False, allow_nan=False)
        for row in rows
    )
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def as_csv(columns: Mapping[str, Kind], rows: Iterable[Row]) -> bytes:
    """Header and rows; several texts in one cell are a JSON array."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(_cell(row.get(name)) for name in columns)
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def need_parquet() -> None:
    """Check that Parquet can be written.

    Raises
    ------
    ConfigError
        pyarrow is not installed.
    """
    try:
        importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"Parquet needs {exc.name}; install the extra: pip install 'sdr-detect[batch]', or "
            "do without it: --no-parquet"
        ) from exc


def as_parquet(columns: Mapping[str, Kind], rows: Sequence[Row]) -> bytes:
    """One row group, compressed; an instant is a timestamp in UTC."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "texts": pa.list_(pa.string()),
        "instant": pa.string(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    for index, (name, kind) in enumerate(columns.items()):
        if kind == "instant":
            instants = table[name].cast(pa.timestamp("ns", tz="UTC"))
            table = table.set_column(index, name, instants)
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression="zstd")
    return bytes(out.getvalue())
