"""Annotations that other SigMF software can read."""

from __future__ import annotations

import json
import warnings
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import sigmf
from sigmf import validate

from sdr_detect.catalog import converter
from sdr_detect.errors import SinkError
from sdr_detect.events import BurstEvent, TrackEvent, Verdict
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from sdr_detect.model import Burst, Detection, Flag, Match, Span, StreamInfo, Track
from sdr_detect.plan import FrequencyPlan
from sdr_detect.sinks import sigmf_notes
from sdr_detect.sinks.collect import Collector

RATE = 1e6
CENTER = 14e9
VERDICT = Verdict("not_detected", None, 0.9, 1.0, -9.0, None, 0.01, 0.0, ("nothing",))
INVERTING = FrequencyPlan(converter("ku-15.45-high"), 2.5)


def codes(count: int, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.random.default_rng(seed).integers(-3000, 3000, 2 * count, np.int16)


def pair(folder: Path, count: int = 10_000, **more: Any) -> Path:
    """A SigMF pair with two captures, 500 samples lost between them."""
    meta = folder / "slice.sigmf-meta"
    codes(count).tofile(folder / "slice.sigmf-data")
    captures = [
        {"core:sample_start": 0, "core:global_index": 0, "core:frequency": CENTER, "x:mine": 1},
        {"core:sample_start": 6000, "core:global_index": 6500, "core:frequency": CENTER},
    ]
    top = {"core:version": "1.2.0", "core:datatype": "ci16_le", "core:sample_rate": RATE}
    document = {
        "global": top | {"core:author": "A. Nother", "core:description": "kept"},
        "captures": captures,
        "annotations": [{"core:sample_start": 5, "core:sample_count": 5, "core:label": "by hand"}],
    }
    meta.write_text(json.dumps(document | more), encoding="utf-8")
    return meta


def found(info: StreamInfo, flags: frozenset[Flag] = frozenset()) -> Collector:
    collector = Collector()
    for start in (100, 5900, 8000):
        region = Detection(Span(start, start + 800), CENTER - 2e5, CENTER + 2e5, 10.0, 1e-9)
        collector.write(BurstEvent(Burst(region, -20.0, {}, flags), info))
    match = Match("starlink_uplink", "starlink", "user_terminal", 0.95, True, ("on the grid",), ())
    collector.write(
        TrackEvent(
            Track(
                1, "burst", Span(100, 8800), CENTER - 2e5, CENTER + 2e5, 3, 0.1, None, 10.0, 1e-9,
                None, {}, (match,), flags,
            ),
            info,
        )
    )  # fmt: skip
    collector.write(VERDICT)
    return collector


def annotate(
    original: Path, spec: RawSpec | None = None, flags: frozenset[Flag] = frozenset()
) -> tuple[Path, dict[str, Any]]:
    with open_recording(original, spec) as recording:
        collected = found(recording.info, flags)
        path = sigmf_notes.write(recording, collected, recording.sha256())
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the extension has no schema there
        validate.validate(document)
    return path, document


def own(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for e in document["annotations"] if e.get("core:generator", "").startswith("sdr-")]


def samples_of(path: Path) -> bytes:
    with open_recording(path) as recording:
        return recording.read(0, recording.stop_sample).tobytes()


def test_the_original_stays_and_the_copy_says_more(tmp_path: Path) -> None:
    meta = pair(tmp_path)
    before = meta.read_bytes(), (tmp_path / "slice.sigmf-data").read_bytes()
    path, document = annotate(meta)
    assert path.name == "slice.sdr-detect.sigmf-meta"
    assert (meta.read_bytes(), (tmp_path / "slice.sigmf-data").read_bytes()) == before
    assert document["global"]["core:dataset"] == "slice.sigmf-data"
    assert document["global"]["core:author"] == "A. Nother"
    assert document["captures"][0]["x:mine"] == 1
    assert "by hand" in [e.get("core:label") for e in document["annotations"]]
    assert document["global"]["sdrdetect:verdict"]["verdict"] == "not_detected"
    starts = [e["core:sample_start"] for e in document["annotations"]]
    assert starts == sorted(starts)
    assert samples_of(path) == samples_of(meta)


def test_annotations_count_stored_samples_not_lost_ones(tmp_path: Path) -> None:
    _, document = annotate(pair(tmp_path))
    spans = {(e["core:sample_start"], e["core:sample_count"]) for e in own(document)}
    # The second burst spans the gap: 100 samples before it, 200 after it are in the file.
    assert spans == {(100, 800), (5900, 300), (7500, 800), (100, 8200)}


def test_fields_of_an_annotation(tmp_path: Path) -> None:
    _, document = annotate(pair(tmp_path))
    entry = own(document)[0]
    assert entry["core:freq_lower_edge"] == CENTER - 2e5
    assert entry["core:freq_upper_edge"] == CENTER + 2e5
    assert "starlink_uplink 0.95" in entry["core:label"]
    assert len({e["core:uuid"] for e in own(document)}) == 4


def test_the_sigmf_package_reads_it(tmp_path: Path) -> None:
    path, _ = annotate(pair(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        read = sigmf.fromfile(str(path))
        raw = read.read_samples(0, 100)
    expected = codes(10_000)[:200].astype(np.float32).view(np.complex64) / 32768
    assert raw == pytest.approx(expected, abs=1e-6)
    assert len(read.get_annotations()) == 5


def test_the_same_finding_has_the_same_identifier(tmp_path: Path) -> None:
    meta = pair(tmp_path)
    first, document = annotate(meta)
    text = first.read_bytes()
    annotate(meta)
    assert first.read_bytes() == text
    # Annotating the annotated file adds nothing that is there already.
    _, again = annotate(first)
    assert len(again["annotations"]) == len(document["annotations"])


def test_a_raw_file_gets_metadata_of_its_own(tmp_path: Path) -> None:
    raw = tmp_path / "slice.cs16"
    codes(9000).tofile(raw)
    spec = RawSpec("cs16", RATE, rf_hz=CENTER, start_ns=1_700_000_000_123_456_789)
    path, document = annotate(raw, spec)
    assert path.name == "slice.cs16.sdr-detect.sigmf-meta"
    assert document["global"]["core:datatype"] == "ci16_le"
    assert document["captures"][0]["core:datetime"] == "2023-11-14T22:13:20.123456789Z"
    with open_recording(path) as read, open_recording(raw, spec) as original:
        assert read.info.center_hz == CENTER
        assert read.info.start_ns == original.info.start_ns
        assert read.read(0, 9000).tobytes() == original.read(0, 9000).tobytes()


def test_an_inverted_raw_file_is_read_the_same_through_its_metadata(tmp_path: Path) -> None:
    raw = tmp_path / "slice.cs16"
    codes(9000).tofile(raw)
    spec = RawSpec("cs16", RATE, if_hz=1.3e9, plan=INVERTING)
    path, _ = annotate(raw, spec)
    with open_recording(path) as read, open_recording(raw, spec) as original:
        assert read.info.plan == original.info.plan
        assert read.info.center_hz == original.info.center_hz
        assert read.read(0, 9000).tobytes() == original.read(0, 9000).tobytes()


def test_a_wav_file_is_pointed_into(tmp_path: Path) -> None:
    path = tmp_path / "slice.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(int(RATE))
        out.writeframes(codes(9000).tobytes())
    meta, document = annotate(path, RawSpec(rf_hz=CENTER))
    assert document["captures"][0]["core:header_bytes"] == 44
    assert samples_of(meta) == samples_of(path)


def test_a_stated_frequency_replaces_the_old_one(tmp_path: Path) -> None:
    spec = RawSpec(rf_hz=CENTER + 1e6)
    meta = pair(tmp_path)
    document = json.loads(meta.read_text())
    document["captures"] = document["captures"][:1]
    meta.write_text(json.dumps(document))
    _, document = annotate(meta, spec)
    assert document["captures"][0]["core:frequency"] == CENTER + 1e6


def test_unknown_frequencies_are_left_out(tmp_path: Path) -> None:
    raw = tmp_path / "slice.cs16"
    codes(9000).tofile(raw)
    _, document = annotate(raw, RawSpec("cs16", RATE), frozenset({Flag.RF_UNKNOWN}))
    assert not [e for e in document["annotations"] if "core:freq_lower_edge" in e]
    assert "core:frequency" not in document["captures"][0]


def test_samples_sigmf_cannot_point_at(tmp_path: Path) -> None:
    path = tmp_path / "slice.mat"
    scipy.io.savemat(path, {"iq": np.ones(9000, np.complex64)})
    with pytest.raises(SinkError, match="cannot point"):
        annotate(path, RawSpec(sample_rate_hz=RATE))


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    meta = pair(tmp_path)
    (tmp_path / "slice.sdr-detect.sigmf-meta").mkdir()
    with pytest.raises(SinkError, match="cannot be written"):
        annotate(meta)
