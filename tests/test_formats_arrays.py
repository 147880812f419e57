"""NumPy, MATLAB and HDF5 files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from sdr_detect.errors import FormatError, TruncatedError, UnsupportedError
from sdr_detect.formats import mat5
from sdr_detect.formats.base import RawSpec
from sdr_detect.formats.find import open_recording
from sdr_detect.rawblock import decoded

RATE = RawSpec(sample_rate_hz=1e6)


def vector(dtype: str = "<c8", count: int = 300) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(3)
    return (3 * (rng.normal(size=count) + 1j * rng.normal(size=count))).astype(dtype)


def read(path: Path, spec: RawSpec = RATE) -> tuple[np.ndarray[Any, Any], float, tuple[str, ...]]:
    with open_recording(path, spec) as recording:
        samples = np.concatenate([decoded(b).samples for b in recording.blocks(77)])
        np.testing.assert_array_equal(samples, recording.read(0, recording.sample_count))
        return samples, recording.info.sample_rate_hz, recording.notes


class TestNpy:
    @pytest.mark.parametrize("dtype", ["<c8", ">c8", "<c16", ">c16"])
    @pytest.mark.parametrize("shape", [(300,), (300, 1), (1, 300)])
    def test_complex(self, tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        np.save(tmp_path / "a.npy", vector(dtype).reshape(shape))
        samples, _, _ = read(tmp_path / "a.npy")
        np.testing.assert_array_equal(samples, vector(dtype).astype(np.complex64))

    @pytest.mark.parametrize("dtype", ["i1", "u1", "<i2", ">i2", "<f4", "<f8"])
    def test_pairs(self, tmp_path: Path, dtype: str) -> None:
        pairs = np.arange(200).reshape(100, 2).astype(dtype)
        np.save(tmp_path / "a.npy", pairs)
        samples, _, _ = read(tmp_path / "a.npy")
        scale = {"i1": 128, "u1": 128, "<i2": 32768, ">i2": 32768}.get(dtype, 1)
        offset = 127.5 if dtype == "u1" else 0
        want = (pairs.astype(float) - offset) / scale
        np.testing.assert_array_equal(samples.view(np.float32).reshape(-1, 2), np.float32(want))

    @pytest.mark.parametrize(
        "array",
        [
            np.zeros((10, 3), np.int16),
            np.zeros((4, 5), np.complex64),
            np.asfortranarray(np.zeros((10, 2), np.int16)),
            np.zeros(10, np.float32),
            np.zeros((10, 2), np.int64),
            np.array(["text", "more"]),
            np.zeros(4, [("re", "<f4"), ("im", "<f4")]),
        ],
        ids=str,
    )
    def test_other_shapes_are_refused(self, tmp_path: Path, array: np.ndarray[Any, Any]) -> None:
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(UnsupportedError, match=r"not a complex vector \(n,\) nor pairs"):
            open_recording(tmp_path / "a.npy", RATE)

    def test_rate_must_be_stated(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", vector())
        with pytest.raises(FormatError, match="give --rate HZ"):
            open_recording(tmp_path / "a.npy")

    @pytest.mark.parametrize("shape", [(), (0,)])
    def test_empty(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        np.save(tmp_path / "a.npy", np.zeros(shape, np.complex64))
        with pytest.raises(FormatError, match="holds no samples"):
            open_recording(tmp_path / "a.npy", RATE)

    def test_version_3(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npy"
        path.write_bytes(b"\x93NUMPY\x03\x00" + bytes(100))
        with pytest.raises(UnsupportedError, match=r"version \(3, 0\)"):
            open_recording(path, RATE)


def mat5_file(path: Path, variables: dict[str, Any]) -> Path:
    savemat(path, variables, do_compression=True)
    return path


def mat73_file(path: Path, variables: dict[str, Any]) -> Path:
    """As MATLAB lays it out: a user block, columns as rows, complex as two fields."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            if isinstance(value, str):
                codes = np.frombuffer(value.encode("utf-16-le"), np.uint16).reshape(-1, 1)
                file.create_dataset(name, data=codes).attrs["MATLAB_class"] = np.bytes_("char")
                continue
            array = np.atleast_2d(value)
            if array.dtype.kind == "c":
                part = array.real.dtype
                array = array.view([("real", part), ("imag", part)])
            file.create_dataset(name, data=array, chunks=True if array.size > 1 else None)
    with path.open("r+b") as head:
        head.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


@pytest.mark.parametrize("write", [mat5_file, mat73_file])
class TestMatlab:
    def test_one_complex_vector(self, tmp_path: Path, write: Any) -> None:
        made = {"x": vector("<c16"), "note": "made for a test", "gain": 3.0}
        samples, rate, notes = read(write(tmp_path / "a.mat", made))
        np.testing.assert_array_equal(samples, vector("<c16").astype(np.complex64))
        assert rate == 1e6
        assert len(notes) == 1
        assert notes[0].startswith("samples from x (complex ")

    def test_pair_of_vectors(self, tmp_path: Path, write: Any) -> None:
        codes = np.arange(-100, 100, dtype=np.int16)
        samples, _, _ = read(write(tmp_path / "a.mat", {"I": codes, "Q": codes[::-1].copy()}))
        np.testing.assert_array_equal(samples, (codes + 1j * codes[::-1]) / np.float32(32768))

    def test_pair_of_floats_keeps_its_scale(self, tmp_path: Path, write: Any) -> None:
        values = np.linspace(-40, 40, 50)
        samples, _, _ = read(write(tmp_path / "a.mat", {"re": values, "im": -values}))
        np.testing.assert_array_equal(samples, (values - 1j * values).astype(np.complex64))

    def test_stated_scalar_is_used_and_said(self, tmp_path: Path, write: Any) -> None:
        path = write(tmp_path / "a.mat", {"x": vector(), "Fs": 2.5e6})
        _, rate, notes = read(path, RawSpec())
        assert rate == 2.5e6
        assert any("Fs = 2500000 is taken as the sample rate" in note for note in notes)
        _, rate, notes = read(path, RATE)
        assert rate == 1e6

    @pytest.mark.parametrize(
        ("variables", "error", "message"),
        [
            ({"x": vector(), "y": vector()}, FormatError, "several complex vectors"),
            ({"a": np.arange(5.0), "b": np.arange(5.0)}, UnsupportedError, "no single pair"),
            ({"i": np.arange(5.0), "q": np.arange(6.0)}, FormatError, "differ in length"),
            ({"x": vector(), "fs": 1e6, "Fs": 2e6}, FormatError, "no single sample rate"),
            ({"x": vector()}, FormatError, "give --rate HZ"),
            ({"x": vector(), "fs": -1.0}, FormatError, "not within"),
            ({"x": vector(), "fs": np.nan}, FormatError, "no single sample rate"),
            ({"text": "hello"}, UnsupportedError, "vectors: none"),
            ({"m": np.zeros((5, 5), complex)}, UnsupportedError, "no complex vector"),
        ],
        ids=lambda value: value if isinstance(value, str) else None,
    )
    def test_doubtful_contents(
        self,
        tmp_path: Path,
        write: Any,
        variables: dict[str, Any],
        error: type[FormatError],
        message: str,
    ) -> None:
        with pytest.raises(error, match=message):
            open_recording(write(tmp_path / "a.mat", variables))

    def test_stated_type_is_refused(self, tmp_path: Path, write: Any) -> None:
        path = write(tmp_path / "a.mat", {"x": vector()})
        with pytest.raises(FormatError, match="leave --format out"):
            open_recording(path, RawSpec("cf32", 1e6))


def test_mat5_size_is_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat5, "MAX_NUMBERS", 599)
    path = mat5_file(tmp_path / "a.mat", {"x": vector()})
    with pytest.raises(UnsupportedError, match=r"holds over 599 numbers.*save it with -v7\.3"):
        open_recording(path, RATE)


class TestHdf5:
    @pytest.mark.parametrize("dtype", ["<c8", ">c8", "<c16"])
    def test_plain_complex(self, tmp_path: Path, dtype: str) -> None:
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["iq"] = vector(dtype)
            file["sample_rate"] = np.array([4e6])
        samples, rate, _ = read(tmp_path / "a.h5", RawSpec())
        np.testing.assert_array_equal(samples, vector(dtype).astype(np.complex64))
        assert rate == 4e6

    def test_links_to_other_files_are_not_followed(self, tmp_path: Path) -> None:
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["iq"] = vector()
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["iq"] = h5py.ExternalLink("other.h5", "/iq")
        with pytest.raises(UnsupportedError, match="no complex vector"):
            open_recording(tmp_path / "a.h5", RATE)

    def test_samples_in_other_files_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "raw").write_bytes(bytes(800))
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file.create_dataset("iq", (100,), "<c8", external=[(str(tmp_path / "raw"), 0, 800)])
        with pytest.raises(UnsupportedError, match="in other files"):
            open_recording(tmp_path / "a.h5", RATE)

    def test_damage_inside_is_found_while_reading(self, tmp_path: Path) -> None:
        path = tmp_path / "a.h5"
        with h5py.File(path, "w") as file:
            file.create_dataset("iq", data=vector(count=5000), chunks=(5000,), compression="gzip")
            offset = file["iq"].id.get_chunk_info(0).byte_offset
        data = bytearray(path.read_bytes())
        data[offset + 100 : offset + 1000] = bytes(900)
        path.write_bytes(data)
        with (
            open_recording(path, RATE) as recording,
            pytest.raises(FormatError, match="cannot be read at sample"),
        ):
            recording.read(0, 5000)

    def test_truncated(self, tmp_path: Path) -> None:
        path = tmp_path / "a.h5"
        with h5py.File(path, "w") as file:
            file["iq"] = vector(count=5000)
        path.write_bytes(path.read_bytes()[:20_000])
        with pytest.raises(FormatError, match="damaged HDF5 file"):
            open_recording(path, RATE)


@pytest.mark.parametrize("length", ["0", "-5", "-1"])
def test_npy_header_without_samples_is_refused(tmp_path: Path, length: str) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(10, np.complex64))
    head, data = path.read_bytes()[:128], path.read_bytes()[128:]
    path.write_bytes(head.replace(b"(10,)", f"({length},)".encode().ljust(5)) + data)
    with pytest.raises(FormatError, match="holds no samples"):
        open_recording(path, RATE)


def test_npy_truncated_names_what_is_there(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", vector())
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data[:-80])
    with pytest.raises(TruncatedError, match="promises 300 samples, 290 are there"):
        open_recording(tmp_path / "a.npy", RATE)
