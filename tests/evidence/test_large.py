"""Archives beyond what the old ZIP form holds: above 4 GiB, and above 65 535 members."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

from sdr_detect.evidence.ziplayout import Member, read_layout
from sdr_detect.evidence.zipwrite import ZipWriter

GIB = 1 << 30


def test_above_four_gibibytes(tmp_path: Path) -> None:
    """The large members are holes: nothing of them is on the disk."""
    path = tmp_path / "large"
    with ZipWriter(path) as out:
        for name, size in (("recordings/r1/a", 5 * GIB), ("recordings/r2/b", 100 * GIB)):
            # What `stream` leaves behind, but for the bytes.
            out.members.append(hole := Member(name, size, 0, out._offset))
            out._file.write(hole.local_header())
            out._file.seek(hole.stop)
            out._offset = hole.stop
        out.add("manifest.json", b"{}")
        out.finish()
    assert path.stat().st_size > 105 * GIB
    assert path.stat().st_blocks * 512 < 1 << 20
    with path.open("rb") as file:
        layout = read_layout(file)
        assert layout.faults == ()
        last = layout.members[-1]
        assert (last.name, last.offset > 105 * GIB) == ("manifest.json", True)
        file.seek(last.start)
        assert file.read(last.size) == b"{}"
    with zipfile.ZipFile(path) as archive:
        assert [info.file_size for info in archive.infolist()] == [5 * GIB, 100 * GIB, 2]
        assert archive.read("manifest.json") == b"{}"
    if unzip := shutil.which("unzip"):
        done = subprocess.run([unzip, "-p", path, "manifest.json"], capture_output=True, check=True)
        assert done.stdout == b"{}"


def test_above_65535_members(tmp_path: Path) -> None:
    path = tmp_path / "many"
    count = 65_600
    with ZipWriter(path) as out:
        for number in range(count - 1):
            out.members.append(member := Member(f"attached/{number}", 0, 0, out._offset))
            out._file.write(member.local_header())
            out._offset = member.stop
        out.add("manifest.json", b"{}")
        out.finish()
    with path.open("rb") as file:
        layout = read_layout(file)
    assert (len(layout.members), layout.faults) == (count, ())
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) == count
        assert archive.read("manifest.json") == b"{}"
