"""What a user states of raw files by patterns."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdr_detect.batch.gather import gather
from sdr_detect.batch.journal import open_journal
from sdr_detect.batch.run import Batch, write_tables
from sdr_detect.commands._stated import read_statements
from sdr_detect.errors import ConfigError
from sdr_detect.formats.base import RawSpec
from tests.batch import archive

STATED = """
[[recording]]
files = "a/*.cs8"
format = "cs8"
rate_hz = 20e6
if_hz = 1.45e9
converter = "ku-12.80"

[[recording]]
files = "*.cs8"
format = "cs8"
rate_hz = 2.4e6

[[recording]]
files = "*.cu8"
"""


def test_the_first_pattern_that_matches_counts(tmp_path: Path) -> None:
    file = tmp_path / "stated.toml"
    file.write_text(STATED)
    common = RawSpec("cs16", 1e6)
    statements = read_statements(file, common)
    converted = statements.spec(Path("/tmp/a/x.cs8"))
    assert (converted.sample_rate_hz, converted.center_hz) == (20e6, 14.25e9)
    assert statements.spec(Path("/tmp/b/x.cs8")) == RawSpec("cs8", 2.4e6)
    assert statements.spec(Path("/tmp/a/x.bin")) is common
    assert statements.unused == ["*.cu8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[recording]]\nfile = "x"', "did you mean 'files'"),
        ('[[recording]]\nfiles = "x"\nif_hz = 1e9', "recording.0: --if needs --converter"),
        ('[[recording]]\nfiles = "x"\nformat = "cs7"', "recording.0: .*cs7"),
        ('[[recording]]\nfiles = "x"\n' * 2, "recording.1: files 'x' stands twice"),
        ("[[recording]", "is not valid TOML"),
    ],
)
def test_a_faulty_statement_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "stated.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_statements(file, RawSpec())


REAL = """
[[recording]]
files = "lte/f826_*"
format = "cu8"
rate_hz = 1.92e6
rf_hz = 826e6

[[recording]]
files = "ism/tpms*"
format = "cf32"
rate_hz = 1e6
rf_hz = 315e6
"""


def test_a_folder_of_recordings_by_others(tmp_path: Path, shared_recordings: Path) -> None:
    """Of each file either a result or a reason; none of them holds a terminal."""
    (tmp_path / "stated.toml").write_text(REAL)
    statements = read_statements(tmp_path / "stated.toml", RawSpec())
    inputs = [
        f"{shared_recordings}/{name}" for name in ("ism", "lte/f826*", "satellite-recordings")
    ]
    found = gather(inputs, tmp_path / "out")
    tasks = {
        str(c.path): archive.task(c.path, statements.spec(c.path))
        for c in found
        if c.skipped is None
    }
    with open_journal(tmp_path / "out") as journal:
        batch = Batch(found, tasks, journal)
        list(batch.work(batch.recall(), archive.here))
        write_tables(batch, tmp_path / "out", parquet=False)
    rows = {Path(row["path"]).name: row for row in archive.rows(tmp_path / "out")}
    assert {
        name: row["verdict"] or row["reason"].partition(": ")[2][:27] for name, row in rows.items()
    } == {
        "LICENSE": "",
        "ao73.wav": "has one channel: sound, or ",
        "enocean.complex": "has no header that says wha",
        "f826_s1.92_bw1.2_0.08s_rtlsdr.bin": "inconclusive",
        "g001_433.92M_250k.cu8": "has no header that says wha",
        "tpms_good_315MHz_1Msps.cf32": "inconclusive",
    }
    assert rows["LICENSE"]["status"] == "skipped"
    assert statements.unused == []
