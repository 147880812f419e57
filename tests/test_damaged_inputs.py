"""Damaged files: each has one expected outcome, and none a traceback.

An outcome is an error (class and words of its message), a note of the reader,
or a suspicion of the evidence. What can be opened is read to its end.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from typer.testing import CliRunner

from sdr_detect.cli import build_app
from sdr_detect.errors import FormatError, TruncatedError, UnsupportedError
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.evidence import examine
from sdr_detect.formats.find import open_recording
from tests.recording_files import auxi, chunk, noise_codes, wav, wav_format, write_sigmf

Maker = Callable[[Path], Path]

DATA = noise_codes("i1", 1000).tobytes()
WORDS = noise_codes("<i2", 1000).tobytes()
RAW = RawSpec("cs8", 1e6, rf_hz=14e9)
FLOATS = RawSpec("cf32", 1e6, rf_hz=14e9)
RATE = RawSpec(sample_rate_hz=1e6)
NOTHING = RawSpec()


def file(data: bytes, name: str = "x.bin") -> Maker:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def meta_text(text: str | bytes) -> Maker:
    raw = text if isinstance(text, bytes) else text.encode()

    def make(folder: Path) -> Path:
        (folder / "x.sigmf-data").write_bytes(DATA)
        return file(raw, "x.sigmf-meta")(folder)

    return make


def sigmf(data: bytes = DATA, **parts: Any) -> Maker:
    return lambda folder: write_sigmf(folder, data, **parts)


def without_data(folder: Path) -> Path:
    path = write_sigmf(folder, DATA)
    path.with_suffix(".sigmf-data").unlink()
    return path


def starts(*captures: dict[str, int]) -> list[dict[str, int]]:
    return [{f"core:{name}": value for name, value in c.items()} for c in captures]


def tar(*names: str, cut: int | None = None) -> Maker:
    def make(folder: Path) -> Path:
        meta = write_sigmf(folder, DATA).read_bytes()
        with tarfile.open(folder / "x.sigmf", "w") as archive:
            for name in names:
                data = meta if name.endswith("meta") else DATA
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        whole = (folder / "x.sigmf").read_bytes()
        (folder / "x.sigmf").write_bytes(whole[:cut])
        return folder / "x.sigmf"

    return make


def npy(array: Any, cut: int | None = None, **options: Any) -> Maker:
    def make(folder: Path) -> Path:
        np.save(folder / "x.npy", array, **options)
        return file((folder / "x.npy").read_bytes()[:cut], "x.npy")(folder)

    return make


def mat(cut: int | None = None, **variables: Any) -> Maker:
    def make(folder: Path) -> Path:
        savemat(folder / "x.mat", variables)
        return file((folder / "x.mat").read_bytes()[:cut], "x.mat")(folder)

    return make


def hdf5(damage: slice) -> Maker:
    def make(folder: Path) -> Path:
        with h5py.File(folder / "x.h5", "w") as out:
            out["iq"] = np.zeros(4000, np.complex64)
        data = bytearray((folder / "x.h5").read_bytes())
        data[damage] = b"\xff" * len(data[damage])
        return file(bytes(data), "x.h5")(folder)

    return make


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.cs8", DATA)
    return out.getvalue()


def with_values(*values: float) -> bytes:
    samples = np.random.default_rng(1).normal(size=2000).astype("<f4")
    samples[100 : 100 + len(values)] = values
    return samples.tobytes()


STEREO = wav_format(2, 250_000, 16)
NAN_RATE = '{"global": {"core:datatype": "ci8", "core:sample_rate": NaN}, "captures": []}'

#: name -> how it is made, what the user states, error, words of its message.
REFUSED: dict[str, tuple[Maker, RawSpec, type[FormatError], str]] = {
    "no such file": (lambda d: d / "none", RAW, FormatError, "does not exist"),
    "directory": (lambda d: d, RAW, FormatError, "is a directory"),
    "zero length": (file(b""), RAW, FormatError, "is empty: 0 bytes"),
    "half a sample": (file(b"\x01"), RAW, FormatError, "not one cs8 sample"),
    "gzip": (file(gzip.compress(DATA, mtime=1)), RAW, UnsupportedError, "gzip file.*unpack"),
    "zip": (file(zipped()), RAW, UnsupportedError, "zip file.*unpack"),
    "PNG": (file(b"\x89PNG\r\n\x1a\n" + DATA), RAW, UnsupportedError, "PNG image"),
    "PDF without statement": (file(b"%PDF-1.7\n" + DATA), NOTHING, UnsupportedError, "PDF"),
    "raw without statement": (file(DATA), NOTHING, FormatError, "give --format TYPE --rate HZ"),
    "raw of an unknown type": (file(DATA), RawSpec("cs9", 1e6), FormatError, "'cs9' is not known"),
    "SigMF without data": (without_data, NOTHING, FormatError, "rec.sigmf-data is missing"),
    "SigMF with empty data": (sigmf(b""), NOTHING, FormatError, "0 bytes hold no samples"),
    "SigMF shorter than its captures": (
        sigmf(captures=starts({"sample_start": 0}, {"sample_start": 5000})),
        NOTHING,
        TruncatedError,
        "captures.1. starts at sample 5000, but the data end at 1000",
    ),
    "SigMF of headers only": (
        sigmf(top={"core:trailing_bytes": 5000}),
        NOTHING,
        TruncatedError,
        "hold no cs8 sample",
    ),
    "meta empty": (meta_text(""), NOTHING, FormatError, "not valid JSON"),
    "meta no JSON": (meta_text('{"global": {'), NOTHING, FormatError, "not valid JSON"),
    "meta no text": (meta_text(b'{"global": "\xff\xfe"}'), NOTHING, FormatError, "not valid JSON"),
    "meta a list": (meta_text("[1, 2]"), NOTHING, FormatError, "must be a JSON object, not list"),
    "meta nested deeply": (meta_text("[" * 100_000), NOTHING, FormatError, "JSON"),
    "meta without global": (meta_text('{"captures": []}'), NOTHING, FormatError, "global must be"),
    "meta without captures": (
        meta_text('{"global": {"core:datatype": "ci8", "core:sample_rate": 1}}'),
        NOTHING,
        FormatError,
        "captures is 'None', not a list",
    ),
    "wrong datatype": (
        sigmf(top={"core:datatype": "complex64"}),
        NOTHING,
        FormatError,
        "core:datatype is 'complex64', not a SigMF sample type",
    ),
    "datatype without byte order": (
        sigmf(top={"core:datatype": "cf32"}),
        NOTHING,
        FormatError,
        "such as cf32_le",
    ),
    "datatype a number": (sigmf(top={"core:datatype": 8}), NOTHING, FormatError, "not a string"),
    "NaN rate": (meta_text(NAN_RATE), NOTHING, FormatError, "NaN is not a JSON number"),
    "infinite rate": (
        meta_text(NAN_RATE.replace("NaN", "1e999")),
        NOTHING,
        FormatError,
        "core:sample_rate is 'inf'",
    ),
    "negative rate": (
        sigmf(top={"core:sample_rate": -1e6}),
        NOTHING,
        FormatError,
        "core:sample_rate is '-1000000.0', not within",
    ),
    "rate a string": (
        sigmf(top={"core:sample_rate": "1e6"}),
        NOTHING,
        FormatError,
        "core:sample_rate is '1e6', not a number",
    ),
    "rate of 5000 digits": (
        meta_text(NAN_RATE.replace("NaN", "9" * 5000)),
        NOTHING,
        FormatError,
        "JSON",
    ),
    "captures out of order": (
        sigmf(captures=starts({"sample_start": 500}, {"sample_start": 100})),
        NOTHING,
        FormatError,
        "captures must be in order",
    ),
    "global index going back": (
        sigmf(
            captures=starts(
                {"sample_start": 0, "global_index": 900},
                {"sample_start": 500, "global_index": 1000},
            )
        ),
        NOTHING,
        FormatError,
        "lies 400 samples inside the capture before it",
    ),
    "capture at a fraction": (
        sigmf(captures=[{"core:sample_start": 0.5}]),
        NOTHING,
        FormatError,
        r"captures.0.: core:sample_start is '0.5', not an integer",
    ),
    "frequency a list": (
        sigmf(captures=[{"core:sample_start": 0, "core:frequency": [1]}]),
        NOTHING,
        FormatError,
        "core:frequency is '.1.', not a number",
    ),
    "archive pointing outside": (
        tar("../x.sigmf-meta", "../x.sigmf-data"),
        NOTHING,
        FormatError,
        "points out of the archive",
    ),
    "archive of two": (
        tar("a.sigmf-meta", "a.sigmf-data", "b.sigmf-meta", "b.sigmf-data"),
        NOTHING,
        FormatError,
        "holds 2 SigMF recordings",
    ),
    "archive of none": (tar("readme"), NOTHING, FormatError, "holds 0 SigMF recordings"),
    "archive without data": (tar("a.sigmf-meta"), NOTHING, FormatError, "holds no a.sigmf-data"),
    "archive cut off": (
        tar("a.sigmf-meta", "a.sigmf-data", cut=2500),
        NOTHING,
        TruncatedError,
        "no whole tar archive|ends inside",
    ),
    "WAV cut off in its header": (
        file(wav(STEREO)[:30]),
        NOTHING,
        TruncatedError,
        "ends inside a header chunk",
    ),
    "WAV without samples": (file(wav(STEREO)), NOTHING, TruncatedError, "before its data chunk"),
    "WAV without format": (
        file(wav(chunk(b"data", WORDS))),
        NOTHING,
        TruncatedError,
        "before its fmt chunk",
    ),
    "WAV with empty data": (
        file(wav(STEREO, chunk(b"data", b""))),
        NOTHING,
        FormatError,
        "holds no sample",
    ),
    "WAV of one channel": (
        file(wav(wav_format(1, 48_000, 16), chunk(b"data", WORDS))),
        NOTHING,
        UnsupportedError,
        "one channel: sound, or real samples, not IQ",
    ),
    "WAV of 0 Hz": (
        file(wav(wav_format(2, 0, 16), chunk(b"data", WORDS))),
        NOTHING,
        FormatError,
        "sample rate is 0.0 Hz.*give --rate HZ",
    ),
    "WAV contradicting itself": (
        file(
            wav(
                STEREO.replace(struct.pack("<HH", 4, 16), struct.pack("<HH", 3, 16)),
                chunk(b"data", WORDS),
            )
        ),
        NOTHING,
        FormatError,
        "contradicts itself",
    ),
    "npy of objects": (
        npy(np.array([{"a": 1}, None]), allow_pickle=True),
        RATE,
        UnsupportedError,
        "pickled objects, which can run code",
    ),
    "npy cut off": (
        npy(np.ones(1000, np.complex64), -100),
        RATE,
        TruncatedError,
        "promises 1000 samples, 987 are there",
    ),
    "npy cut off in its header": (
        npy(np.ones(1000, np.complex64), 60),
        RATE,
        FormatError,
        "NPY header is damaged",
    ),
    "mat without IQ": (
        mat(x=np.arange(9.0), text="hello"),
        RATE,
        UnsupportedError,
        "holds no complex vector",
    ),
    "mat cut off": (
        mat(x=np.ones(1000, complex), cut=1000),
        RATE,
        FormatError,
        "ends inside a variable",
    ),
    "hdf5 damaged at its root": (hdf5(slice(8, 60)), RATE, FormatError, "damaged HDF5"),
    "hdf5 damaged inside": (hdf5(slice(96, 900)), RATE, FormatError, "HDF5|holds no"),
}

#: name -> how it is made, what the user states, words of a note or suspicion.
DOUBTED: dict[str, tuple[Maker, RawSpec, str]] = {
    "raw with a cut sample": (file(WORDS[:-3]), RawSpec("cs16", 1e6), "1 bytes at the end are no"),
    "SigMF with a cut sample": (
        sigmf(WORDS[:-1], top={"core:datatype": "ci16_le"}),
        NOTHING,
        "the file was cut off, or core:datatype is wrong",
    ),
    "SigMF shorter than its annotations": (
        sigmf(annotations=[{"core:sample_start": 900, "core:sample_count": 500}]),
        NOTHING,
        "annotations reach to sample 1400, the data end at 1000",
    ),
    "SigMF with a wrong time": (
        sigmf(captures=[{"core:sample_start": 0, "core:datetime": "yesterday"}]),
        NOTHING,
        "'yesterday' is no UTC time",
    ),
    "SigMF on the 30th of February": (
        sigmf(captures=[{"core:sample_start": 0, "core:datetime": "2024-02-30T00:00:00Z"}]),
        NOTHING,
        "is no UTC time",
    ),
    "SigMF breaking the schema": (
        meta_text(
            json.dumps(
                {
                    "global": {"core:datatype": "ci8", "core:sample_rate": 1e6},
                    "captures": [{"core:sample_start": 0}],
                }
            )
        ),
        NOTHING,
        "break the SigMF schema: 'core:version' is a required property",
    ),
    "SigMF of the wrong type": (
        sigmf(noise_codes("u1", 5000).tobytes()),
        NOTHING,
        "read as cs8, but the bytes look like cu8",
    ),
    "WAV of unknown length": (
        file(wav(STEREO, chunk(b"data", WORDS, size=0xFFFFFFFF))),
        NOTHING,
        "leaves the length open; the 4000 bytes",
    ),
    "WAV of length 0": (
        file(wav(STEREO, chunk(b"data", WORDS, size=0))),
        NOTHING,
        "leaves the length open; the 4000 bytes",
    ),
    "WAV cut off": (
        file(wav(STEREO, chunk(b"data", WORDS, size=9000))),
        NOTHING,
        "promises 9000 bytes of samples, 4000 are there",
    ),
    "WAV with a cut auxi": (
        file(
            wav(
                STEREO,
                auxi(10**9)[:20].replace(struct.pack("<I", 68), struct.pack("<I", 12)),
                chunk(b"data", WORDS),
            )
        ),
        NOTHING,
        "states no centre frequency",
    ),
    "all zero": (file(bytes(4000)), FLOATS, "every sample examined is 0"),
    "all zero bytes of cu8": (file(bytes(4000)), RawSpec("cu8", 1e6), "never change"),
    "NaN and infinity": (
        file(with_values(np.nan, np.inf, 1, -np.inf)),
        FLOATS,
        "2 samples .0.2 %. are NaN or infinite",
    ),
    "nothing but NaN": (
        file(np.full(2000, np.nan, "<f4").tobytes()),
        FLOATS,
        "no sample is a finite number",
    ),
    "cf32 read as cs8": (file(with_values()), RAW, "read as cs8, but the bytes look like cf32"),
    "cu8 read as cf32": (
        file(noise_codes("u1", 5000).tobytes()),
        FLOATS,
        "read as cf32, but the bytes look like cu8",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(tmp_path: Path, name: str) -> None:
    make, spec, error, words = REFUSED[name]
    path = make(tmp_path)
    with pytest.raises(error, match=words) as caught:
        open_recording(path, spec)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("name", DOUBTED)
def test_is_doubted(tmp_path: Path, name: str) -> None:
    make, spec, words = DOUBTED[name]
    with open_recording(make(tmp_path), spec) as recording:
        read = sum(block.sample_count for block in recording.blocks(300))
        assert read == recording.sample_count > 0
        told = " | ".join((*recording.notes, *examine(recording).suspicions))
    assert re.search(words, told), told


@pytest.mark.parametrize("name", [*REFUSED, *DOUBTED])
def test_info_survives(tmp_path: Path, name: str) -> None:
    """The command ends with a message and a documented exit code."""
    make, spec = (REFUSED.get(name) or DOUBTED[name])[:2]
    stated = ["--format", spec.datatype, "--rate", spec.sample_rate_hz, "--rf", spec.rf_hz]
    pairs = zip(stated[::2], stated[1::2], strict=True)
    words = [str(word) for flag, value in pairs if value is not None for word in (flag, value)]
    result = CliRunner().invoke(build_app(), ["info", str(make(tmp_path)), *words])
    untyped = name == "raw without statement"
    if name in REFUSED and not untyped:
        refused_as_usage = result.exit_code == 2
        assert refused_as_usage or isinstance(result.exception, FormatError), result.output
    else:
        assert result.exit_code == 0, result.output
