"""The comparisons: everybody does the same work, and who does not is found out."""

from __future__ import annotations

import io
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from typer.testing import CliRunner

from sdr_detect import cli
from sdr_detect.bench import children, run, startup
from sdr_detect.bench.chart import render
from sdr_detect.bench.comparisons import all_comparisons
from sdr_detect.bench.results import Bench
from sdr_detect.bench.run import Plan, bench
from sdr_detect.bench.signal import SCENES, Files
from sdr_detect.bench.work import GROUP, HOP, NFFT, Comparison

#: One group of frames, the least there is.
TINY_S = 0.01
KNOWN = {name: comparison for name, (_, comparison) in all_comparisons().items()}

#: Two honest ones, one that is off by a thousandth, one that breaks; and a limit.
LIARS = """
import numpy as np
from sdr_detect.bench.work import Comparison, Contender, relative

def honest(sample):
    return lambda: {"sum": np.array(float(sample.count))}

def liar(sample):
    return lambda: {"sum": np.array(sample.count * 1.001)}

def broken(sample):
    raise OSError("no such thing")

def limit(sample):
    return lambda: {}

def error(sample, found):
    return relative(found["sum"], np.array(float(sample.count)))

COMPARISONS = (
    Comparison(
        "liars", "who lies", "blank", "cs8", 1e-4, error,
        (
            Contender("us", "ours", "numpy", honest),
            Contender("limit", "limit", "numpy", limit),
            Contender("honest", "peer", "numpy", honest),
            Contender("liar", "peer", "numpy", liar),
            Contender("broken", "peer", "numpy", broken),
            Contender("away", "peer", "no_such_library", honest),
        ),
        "",
    ),
)
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("files"))


@pytest.fixture
def liars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    (tmp_path / "liars.py").write_text(LIARS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    import liars  # type: ignore[import-not-found]

    found = {c.name: ("liars", c) for c in liars.COMPARISONS}
    monkeypatch.setattr(run, "all_comparisons", lambda: found)
    return bench(Plan(seconds=TINY_S, repeats=3, only=("liars",)))


@pytest.mark.parametrize("comparison", KNOWN.values(), ids=list(KNOWN))
def test_each_is_complete(comparison: Comparison) -> None:
    kinds = [contender.kind for contender in comparison.contenders]
    assert kinds.count("ours") == 1
    assert kinds.count("limit") <= 1
    assert comparison.scene in {*SCENES, "pulses"}
    assert len({contender.name for contender in comparison.contenders}) == len(kinds)


def test_files_hold_the_same_samples(files: Files) -> None:
    cs8, cu8, cf32 = (files.sample("busy", kind, TINY_S) for kind in ("cs8", "cu8", "cf32"))
    assert cs8.count == GROUP * NFFT + HOP
    assert np.array_equal(cs8.read(), cf32.read())
    middle = (1 + 1j) / 256  # of an offset-binary converter: between two codes
    assert np.array_equal(cu8.read(), cs8.read() + np.complex64(middle))
    assert 0.02 < np.abs(cs8.read()).mean() < 0.2
    pieces = [piece.copy() for piece in cf32.pieces(100_000, before=HOP)]
    assert all(np.array_equal(a[-HOP:], b[:HOP]) for a, b in itertools.pairwise(pieces))
    assert np.array_equal(np.concatenate([pieces[0], *(p[HOP:] for p in pieces[1:])]), cf32.read())


def _here(comparison: Comparison) -> list[Any]:
    """Contenders that this interpreter can be."""
    return [
        c
        for c in comparison.contenders
        if c.kind != "limit" and c.library not in ("gnuradio", "rtl_433")
    ]


@pytest.mark.parametrize(
    "name", ["convert-cs8", "convert-cu8", "envelope", "front-end", "lags", "psd", "pulses"]
)
def test_all_agree_and_each_number_counts(name: str, files: Files) -> None:
    comparison = KNOWN[name]
    sample = files.sample(comparison.scene, comparison.datatype, TINY_S)
    for contender in _here(comparison):
        found = contender.prepare(sample)()
        assert comparison.error(sample, found) <= comparison.tolerance, contender.name
    for key, values in found.items():
        if key in ("weights", "dwell_frames"):
            continue
        wrong = values.copy()
        wrong.flat[-1] += max(0.01, 0.1 * abs(wrong.flat[-1]))
        assert comparison.error(sample, {**found, key: wrong}) > comparison.tolerance, key


def test_gnu_radio_does_the_same_work() -> None:
    if children.python_with("gnuradio") is None:
        pytest.skip("GNU Radio is not installed")
    result = bench(Plan(seconds=TINY_S, repeats=1, only=("front-end", "convert-cu8")))
    assert result.sound, result
    rows = [row for compared in result.comparisons for row in compared.rows]
    assert [row.state for row in rows if row.contender == "GNU Radio"] == ["ok", "ok"]


def test_who_lies_breaks_or_is_away_gets_no_number(liars: Bench) -> None:
    rows = {row.contender: row for row in liars.comparisons[0].rows}
    states = {name: row.state for name, row in rows.items()}
    assert states == {
        "us": "ok",
        "limit": "ok",
        "honest": "ok",
        "liar": "disagrees",
        "broken": "failed",
        "away": "absent",
    }
    assert rows["honest"].ours_over_this is not None
    assert rows["honest"].peak_bytes is None or rows["honest"].peak_bytes > 10e6
    assert rows["liar"].error == pytest.approx(1e-3)
    assert "no such thing" in rows["broken"].detail
    assert "no_such_library is not installed" in rows["away"].detail
    for name in ("liar", "broken", "away"):
        assert (rows[name].msps_per_cpu_s, rows[name].ours_over_this) == (None, None)
    assert not liars.sound


def test_json_and_picture(liars: Bench) -> None:
    written = json.loads(json.dumps(liars.to_json(), allow_nan=False))
    assert (written["type"], written["schema"], written["repeats"]) == ("bench", 1, 3)
    assert written["comparisons"][0]["rows"][5]["state"] == "absent"
    picture = matplotlib.image.imread(io.BytesIO(render(liars)))
    assert picture.shape[1] > 1000


def test_a_hung_contender_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "liars.py").write_text(
        LIARS.replace('raise OSError("no such thing")', "import time; time.sleep(60)")
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(children, "LONGEST_S", 0.5)
    comparison = KNOWN["psd"]
    sample = Files(tmp_path).sample("blank", "cs8", TINY_S)
    broken = type(comparison.contenders[0])("broken", "peer", "numpy", lambda _s: lambda: {})
    named = type(comparison)("liars", "", "blank", "cs8", 0.0, comparison.error, (broken,), "")
    with pytest.raises(children.ChildFailed, match="status -9"):
        children.Child("liars", named, broken, sample, sys.executable, tmp_path, None)


def test_start_up_is_timed() -> None:
    start = startup._start("version", ["--version"], 1.0, 1)
    assert 0.01 < start.cpu_s < 10
    assert start.wall_s > 0.01


def test_the_command_tells_what_there_is() -> None:
    done = CliRunner().invoke(cli.build_app(), ["bench", "--only", "nonsense"])
    assert done.exit_code != 0
    assert "front-end" in str(done.exception)


def test_the_command_prints_json_alone() -> None:
    command = ["bench", "--only", "convert-cs8", "--seconds", "0.02", "--repeats", "1"]
    done = CliRunner().invoke(cli.build_app(), [*command, "--json", "-"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["comparisons"][0]["name"] == "convert-cs8"
