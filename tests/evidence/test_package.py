"""Sealed packages: what is in them, and that any change is named."""

from __future__ import annotations

import io
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sdr_detect.calibration.schema import Calibration
from sdr_detect.errors import ConfigError, EvidenceError, SinkError
from sdr_detect.evidence import package, signing
from sdr_detect.evidence.canonical import canonical, sha256
from sdr_detect.evidence.recompute import recompute
from sdr_detect.evidence.verify import Verification, read_json, verify
from sdr_detect.evidence.ziplayout import Member, read_layout, tail
from sdr_detect.evidence.zipwrite import ZipWriter, append
from tests.evidence.parts import SIGNED, Sealed, chain

MUTATIONS = 160


def contents_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def build(path: Path, members: list[tuple[str, bytes]]) -> Path:
    """A well-formed archive of any members, also of two of one name."""
    out, placed = io.BytesIO(), []
    for name, content in members:
        member = Member(name, len(content), zlib.crc32(content), out.tell())
        placed.append(member)
        out.write(member.local_header() + content)
    directory = b"".join(member.directory_entry() for member in placed)
    end = out.tell()
    out.write(directory + tail(len(placed), len(directory), end))
    path.write_bytes(out.getvalue())
    return path


def said(result: Verification) -> str:
    return "\n".join(map(str, result.findings))


def test_as_sealed(sealed: Sealed) -> None:
    result = verify(sealed.path)
    assert result.findings == []
    assert len(result.checked) == 3
    assert "anybody can make a key" in " ".join(result.meaning())
    with_key = verify(sealed.path, signing.read_public(sealed.public))
    assert with_key.ok
    assert "the key you gave" in " ".join(with_key.meaning())


def test_every_unzip_program_reads_it(sealed: Sealed) -> None:
    with zipfile.ZipFile(sealed.path) as archive:
        assert archive.testzip() is None
    if unzip := shutil.which("unzip"):
        done = subprocess.run([unzip, "-tq", sealed.path], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_raw_samples_are_untouched(sealed: Sealed) -> None:
    (files,) = sealed.contents.recordings
    members = contents_of(sealed.path)
    assert members["recordings/r1/quiet.sigmf-data"] == files.data.read_bytes()
    assert files.meta is not None
    assert members["recordings/r1/quiet.sigmf-meta"] == files.meta.read_bytes()


def test_the_same_inputs_give_the_same_bytes(sealed: Sealed, tmp_path: Path) -> None:
    again = tmp_path / "again"
    package.seal(again, sealed.contents, signing.read_secret(sealed.secret), SIGNED)
    assert again.read_bytes() == sealed.path.read_bytes()
    later = tmp_path / "later"
    package.seal(later, sealed.contents, signing.read_secret(sealed.secret), "2026-05-05T00:00:00Z")
    one, other = contents_of(sealed.path), contents_of(later)
    assert [name for name in one if one[name] != other[name]] == ["signature.json"]


def test_recomputed_without_a_difference(sealed: Sealed) -> None:
    found = recompute(verify(sealed.path))
    assert (found.same_build, found.difference_count) == (True, 0)
    assert found.compared > 50


def test_quantities_say_what_is_needed(sealed: Sealed) -> None:
    rows = read_json(verify(sealed.path), "results.json")["quantities"]
    wanted = {"value", "unit", "method", "bandwidth_hz", "averaging", "expanded_uncertainty",
              "threshold", "pfa", "poi"}  # fmt: skip
    assert all(wanted <= set(row) for row in rows)
    # An uncertainty is a figure, or the reason why there is none.
    assert all(row["expanded_uncertainty"] or row["uncertainty_note"] for row in rows)
    assert any(row["quantity"] == "detection limit (C/N)" and row["value"] for row in rows)


def _changed_byte(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _removed(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data) - 1)
    del data[start : start + rng.randint(1, 4096)]


def _inserted(data: bytearray, rng: random.Random) -> None:
    place = rng.randrange(len(data) + 1)
    data[place:place] = rng.randbytes(rng.randint(1, 64))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _moved(data: bytearray, rng: random.Random) -> None:
    size = min(rng.randint(16, 512), len(data) // 4)
    one, other = sorted(rng.sample(range(0, len(data) - size, size), 2))
    if data[one : one + size] == data[other : other + size]:
        data[one] ^= 1
    data[one : one + size], data[other : other + size] = (
        data[other : other + size],
        data[one : one + size],
    )


def _around(data: bytearray, rng: random.Random) -> None:
    extra = rng.randbytes(rng.randint(1, 200))
    data[:] = extra + data if rng.random() < 0.5 else data + extra


HOW: list[Callable[[bytearray, random.Random], None]] = [
    _changed_byte, _changed_byte, _changed_byte, _removed, _inserted, _cut, _moved, _around,
]  # fmt: skip


def test_any_tampering_is_caught(sealed: Sealed, tmp_path: Path) -> None:
    """Half of the changes at random places, half within the small members and headers."""
    whole = sealed.path.read_bytes()
    layout = read_layout(io.BytesIO(whole))
    missed = []
    for number in range(MUTATIONS):
        rng = random.Random(number)
        how = HOW[number % len(HOW)]
        data = bytearray(whole)
        if number % 2:
            how(data, rng)
        else:
            member = rng.choice(layout.members)
            part = bytearray(data[member.offset : member.stop])
            how(part, rng)
            data[member.offset : member.stop] = part
        assert bytes(data) != whole
        path = tmp_path / "changed"
        path.write_bytes(data)
        result = verify(path)
        if result.ok or not all(finding.what for finding in result.findings):
            missed.append((number, how.__name__))
    assert missed == []


@pytest.mark.parametrize("place", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_a_changed_byte_is_named_by_its_member(
    sealed: Sealed, tmp_path: Path, place: float
) -> None:
    whole = sealed.path.read_bytes()
    for member in read_layout(io.BytesIO(whole)).members:
        data = bytearray(whole)
        data[member.start + int(place * (member.size - 1))] ^= 0x10
        path = tmp_path / "changed"
        path.write_bytes(data)
        named = {finding.where for finding in verify(path).findings}
        assert named == {member.name}


def test_every_byte_of_headers_and_directory_counts(sealed: Sealed, tmp_path: Path) -> None:
    whole = sealed.path.read_bytes()
    layout = read_layout(io.BytesIO(whole))
    places = [p for m in layout.members for p in range(m.offset, m.start)]
    places += range(layout.directory_offset, len(whole))
    for place in places:
        data = bytearray(whole)
        data[place] ^= 0x01
        assert read_layout(io.BytesIO(data)).faults, f"byte {place}"


def test_members_added_removed_renamed_doubled_moved(sealed: Sealed, tmp_path: Path) -> None:
    members = list(contents_of(sealed.path).items())
    first, last = members[0], members[-1]
    cases = {
        "was added": [*members, ("note.txt", b"x")],
        "missing from the archive": members[1:],
        "signature.json: is missing": members[:-1],
        "is there twice": [*members, first],
        "is taken for": [*members, (first[0].upper(), first[1])],
        "order of the manifest": [members[1], members[0], *members[2:]],
        "renamed.txt: was added": [("renamed.txt", first[1]), *members[1:]],
        "lead out of a folder": [*members, ("../../etc/passwd", b"x")],
        "lead out of a folder\n": [*members, ("/etc/passwd", b"x")],
    }
    assert last[0] == "signature.json"
    for words, changed in cases.items():
        found = said(verify(build(tmp_path / "changed", changed)))
        assert words.strip() in found, words


def test_foreign_zip_features_are_named(sealed: Sealed, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"0" * 50_000_000)
    assert not verify(bomb).ok
    whole = bytearray(sealed.path.read_bytes())
    layout = read_layout(io.BytesIO(whole))
    entry = layout.members[0].directory_entry()
    place = whole.index(entry)
    for changed, words in (
        (entry[:10] + b"\x08\x00" + entry[12:], "is compressed (method 8)"),
        (entry[:38] + (0o120777 << 16).to_bytes(4, "little") + entry[42:], "is a symbolic link"),
    ):
        data = bytearray(whole)
        data[place : place + len(entry)] = changed
        path = tmp_path / "changed"
        path.write_bytes(data)
        assert words in said(verify(path))


def test_members_that_overlap_are_not_read(tmp_path: Path) -> None:
    """A thousand entries for the same megabyte would be a gigabyte to read."""
    content = bytes(1 << 20)
    member = Member("a", len(content), zlib.crc32(content), 0)
    entries = b"".join(replace(member, name=f"a{n:03}").directory_entry() for n in range(1000))
    start = replace(member, name="a000").local_header() + content
    path = tmp_path / "quine"
    path.write_bytes(start + entries + tail(1000, len(entries), len(start)))
    with path.open("rb") as file:
        layout = read_layout(file)
    assert layout.members == ()
    assert "overlapping members" in layout.faults[0][1]


def test_cut_off_or_followed_by_bytes(sealed: Sealed, tmp_path: Path) -> None:
    whole = sealed.path.read_bytes()
    path = tmp_path / "changed"
    for data, words in (
        (whole[:-1], "cut off"),
        (whole[:10], "cut off"),
        (b"", "cut off"),
        (whole + b"\0", "1 bytes follow the end"),
        (b"\0" + whole, "bytes were added or removed"),
    ):
        path.write_bytes(data)
        assert words in said(verify(path))


def test_a_lie_that_is_signed_again_is_told_by_its_key(sealed: Sealed, tmp_path: Path) -> None:
    """Who has no key of the sealer can only sign with another."""
    _, secret, _ = signing.new_pair(tmp_path, "other")
    members = contents_of(sealed.path)
    manifest = json.loads(members["manifest.json"])
    members["attached/deck.jpg"] = b"another deck"
    for entry in manifest["members"]:
        if entry["name"] == "attached/deck.jpg":
            entry |= {"size": 12, "sha256": sha256(b"another deck")}
    members["manifest.json"] = canonical(manifest)
    members["signature.json"] = signing.sign(
        signing.read_secret(secret), sha256(members["manifest.json"]), SIGNED
    )
    forged = build(tmp_path / "forged", list(members.items()))
    assert verify(forged).ok  # all a package can say by itself
    assert "anybody can make a key" in " ".join(verify(forged).meaning())
    found = verify(forged, signing.read_public(sealed.public))
    assert "made with another key" in said(found)


def test_a_broken_chain_is_named_though_signed(sealed: Sealed, tmp_path: Path) -> None:
    log = chain("new", "attach", "note", "seal")
    for broken, words in (
        ([log[0], *log[2:]], "record 2 does not follow"),
        ([{**log[0], "action": "never"}, *log[1:]], "record 1 does not agree"),
    ):
        path = tmp_path / words.replace(" ", "_")
        contents = replace(sealed.contents, custody=broken, recordings=[])
        package.seal(path, contents, signing.read_secret(sealed.secret), SIGNED)
        assert words in said(verify(path))


def test_recompute_lists_what_was_sealed_wrongly(sealed: Sealed, tmp_path: Path) -> None:
    """A signer who altered a number is found out by the samples."""
    members = contents_of(sealed.path)
    old = members["events/r1.jsonl"]
    members["events/r1.jsonl"] = old.replace(b'"not_detected"', b'"detected"')
    assert members["events/r1.jsonl"] != old
    manifest = json.loads(members["manifest.json"])
    for entry in manifest["members"]:
        content = members[entry["name"]]
        entry |= {"size": len(content), "sha256": sha256(content)}
    members["manifest.json"] = canonical(manifest)
    members["signature.json"] = signing.sign(
        signing.read_secret(sealed.secret), sha256(members["manifest.json"]), SIGNED
    )
    result = verify(build(tmp_path / "wrong", list(members.items())))
    assert result.ok
    found = recompute(result)
    assert found.difference_count == 1
    assert "sealed 'detected', now 'not_detected'" in found.differences[0]


def test_a_file_changed_since_it_was_attached_is_not_sealed(sealed: Sealed, tmp_path: Path) -> None:
    photo = tmp_path / "photo"
    photo.write_bytes(b"now")
    contents = replace(
        sealed.contents, attached=[package.Attached("attached/photo", photo, sha256(b"then"))]
    )
    with pytest.raises(EvidenceError, match="has changed since it was attached"):
        package.seal(tmp_path / "p", contents, signing.read_secret(sealed.secret), SIGNED)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["photo"]


def test_nothing_is_overwritten(sealed: Sealed) -> None:
    before = sealed.path.read_bytes()
    with pytest.raises(SinkError, match="never replaced"):
        package.seal(sealed.path, sealed.contents, signing.read_secret(sealed.secret), SIGNED)
    assert sealed.path.read_bytes() == before


def test_a_secret_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    public, secret, _ = signing.new_pair(tmp_path, "k")
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        signing.read_secret(secret)
    with pytest.raises(ConfigError, match="no public key"):
        signing.read_public(secret)
    with pytest.raises(SinkError, match="never replaced"):
        signing.new_pair(tmp_path, "k")
    assert public.is_file()


def test_a_member_can_be_added_at_the_end(sealed: Sealed, tmp_path: Path) -> None:
    with sealed.path.open("rb") as file:
        layout = read_layout(file)
    longer = tmp_path / "longer"
    append(sealed.path, layout, longer, "timestamp.tsr", b"token")
    assert contents_of(longer) == {**contents_of(sealed.path), "timestamp.tsr": b"token"}


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from sdr_detect.errors import SinkError
from sdr_detect.evidence.zipwrite import ZipWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with ZipWriter(Path(sys.argv[1])) as out:
        out.stream("a", (bytes(10_000) for _ in range(100)))
        out.finish()
except SinkError as exc:
    print(exc)
"""


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "p")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "no package was made" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_large_members_take_constant_memory(tmp_path: Path) -> None:
    """300 MB of zeros: written and checked within far less memory than they have."""
    piece = bytes(1 << 20)
    path = tmp_path / "large"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with ZipWriter(path) as out:
        out.stream("recordings/r/x.sigmf-data", (piece for _ in range(300)))
        out.add("manifest.json", b"{}")
        out.add("signature.json", b"{}")
        out.finish()
    assert not verify(path).ok  # read to its end, and not sealed
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 64 * 1024
    os.truncate(path, 0)


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        ([], 0, "anybody can make a key"),
        (["--key"], 0, "the key you gave"),
        (["--recompute"], 0, "same build), 0 differ"),
        (["--json"], 0, '"ok": true'),
    ],
)
def test_the_command(sealed: Sealed, words: list[str], code: int, shown: str) -> None:
    more = [str(sealed.public)] if words == ["--key"] else []
    done = subprocess.run(
        [sys.executable, "-m", "sdr_detect", "verify", str(sealed.path), *words, *more],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, "")
    assert shown in done.stdout


def test_the_command_on_what_is_no_package(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\x1b[31m" * 100)
    for words in ([str(path)], [str(tmp_path / "absent")]):
        done = subprocess.run(
            [sys.executable, "-m", "sdr_detect", "verify", *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "Traceback" not in done.stderr


FIGURE = {"uncertainty": 0.3, "method": "data sheet", "utc": "2026-05-04T08:00:00Z"}


def test_a_calibration_is_sealed_with_what_it_says(sealed: Sealed, tmp_path: Path) -> None:
    calibration = Calibration.model_validate(
        {
            "name": "horn",
            "validity": {
                "sample_rate_hz": 2.4e6, "rf_lower_hz": 14.0e9, "rf_upper_hz": 14.5e9,
                "converter": "ku-12.80",
            },
            "dbm_offset_db": {"value": -75.0, **FIGURE},
            "antenna": {"gain_dbi": {"value": 20.0, **FIGURE}},
        }
    )  # fmt: skip
    steering = replace(
        sealed.contents.steering, calibration=calibration, calibration_sha256="a" * 64
    )
    path = tmp_path / "calibrated"
    contents = replace(sealed.contents, steering=steering)
    package.seal(path, contents, signing.read_secret(sealed.secret), SIGNED)
    result = verify(path)
    rows = {row["quantity"]: row for row in read_json(result, "results.json")["quantities"]}
    limit = rows["detection limit at the antenna's port"]
    assert limit["unit"] == "dBm"
    assert limit["expanded_uncertainty"] >= 0.6
    assert limit["coverage_factor"] == 2
    assert rows["detection limit as flux density"]["expanded_uncertainty"] > 0.6
    assert recompute(result).difference_count == 0
