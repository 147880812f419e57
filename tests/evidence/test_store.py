"""Cases: only ever added to, whatever happens to the process or the disk."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from sdr_detect.errors import EvidenceError, SinkError
from sdr_detect.evidence import store as store_module
from sdr_detect.evidence.attach import file_detail, recording_detail
from sdr_detect.evidence.case import Who
from sdr_detect.evidence.clock import ClockQuality, parse_tracking
from sdr_detect.evidence.flow import flows, progress
from sdr_detect.evidence.photo import MAX_PIXELS, facts, thumbnail
from sdr_detect.evidence.store import CaseStore
from sdr_detect.evidence.vessel import Vessel, imo_number, ship_mmsi
from tests.evidence.parts import record
from tests.evidence.shell import Shell
from tests.recording_files import noise_codes

KIM, LEE = Who("Kim"), Who("Lee", "reviewer")
SHIP = Vessel("Alpha", "9074729", "257123456")
STEERED = ClockQuality("kernel", True, 1000, "")


class Clock:
    def __init__(self) -> None:
        self.ns = 1_777_882_530_000_000_000

    def __call__(self) -> int:
        self.ns += 1_000_000_000
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cases(tmp_path: Path, clock: Clock) -> Iterator[CaseStore]:
    store = CaseStore(tmp_path / "cases.sqlite", now_ns=clock, quality=lambda: STEERED)
    yield store
    store.close()


def note(cases: CaseStore, case_id: str, text: str, who: Who = KIM) -> None:
    cases.add(case_id, who, "noted", {"text": text, "opinion": False})


def test_cases_are_numbered_within_the_year(cases: CaseStore) -> None:
    first = cases.new(KIM, SHIP, authority="Port")
    second = cases.new(KIM, Vessel("Bravo"), authority="Port")
    assert (first.id, second.id) == ("2026-001", "2026-002")
    assert [case.id for case in cases.cases()] == ["2026-001", "2026-002"]
    assert cases.faults() == []


def test_duplicates_are_refused(cases: CaseStore) -> None:
    cases.new(KIM, SHIP, authority="Port", identifier="V-1")
    with pytest.raises(EvidenceError, match="V-1 exists"):
        cases.new(KIM, Vessel("Bravo"), authority="Port", identifier="V-1")
    with pytest.raises(EvidenceError, match="same vessel is open"):
        cases.new(KIM, SHIP, authority="Port")
    cases.new(KIM, SHIP, authority="Port", another=True)
    for name in ("", "../x", "a b", "-x", "x" * 41):
        with pytest.raises(EvidenceError, match="cannot name a case"):
            cases.new(KIM, Vessel("C"), authority="Port", identifier=name)


def test_entries_cannot_be_changed_deleted_or_replaced(cases: CaseStore) -> None:
    case = cases.new(KIM, SHIP, authority="Port")
    note(cases, case.id, "one")
    db = sqlite3.connect(cases.path)
    for statement in (
        "UPDATE entries SET record = '{}'",
        "DELETE FROM entries",
        "DELETE FROM entries WHERE seq = 2",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE seq = 1",
        "REPLACE INTO entries VALUES (9, '2026-001', 2, 'x', '{}')",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="entries are never"):
            db.execute(statement)
    db.close()
    assert len(cases.entries(case.id)) == 2
    assert cases.faults() == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE entries SET record = replace(record, 'one', 'two')", "own SHA-256"),
        ("DELETE FROM entries WHERE seq = 2", "does not follow"),
    ],
)
def test_who_removes_the_triggers_is_found_by_the_chain(
    cases: CaseStore, statement: str, words: str
) -> None:
    case = cases.new(KIM, SHIP, authority="Port")
    for text in ("one", "more"):
        note(cases, case.id, text)
    db = sqlite3.connect(cases.path)
    for name in ("entries_stay", "entries_remain"):
        db.execute(f"DROP TRIGGER {name}")
    db.execute(statement)
    db.commit()
    db.close()
    assert words in "\n".join(cases.faults())


def test_removing_a_whole_case_breaks_the_chain_of_the_store(cases: CaseStore) -> None:
    cases.new(KIM, SHIP, authority="Port")
    cases.new(KIM, Vessel("B"), authority="Port")
    db = sqlite3.connect(cases.path)
    db.execute("DROP TRIGGER entries_remain")
    db.execute("DELETE FROM entries WHERE case_id = '2026-001'")
    db.commit()
    db.close()
    assert "of the store does not follow" in "\n".join(cases.faults())


def test_roles(cases: CaseStore) -> None:
    case = cases.new(KIM, SHIP, authority="Port")
    with pytest.raises(EvidenceError, match="role of reviewer does not allow"):
        cases.new(LEE, Vessel("B"), authority="Port")
    with pytest.raises(EvidenceError, match="reviewed by somebody else"):
        cases.add(case.id, Who("kim", "reviewer"), "reviewed", {"accepted": True, "text": "x"})
    with pytest.raises(EvidenceError, match="role of operator does not allow"):
        cases.add(case.id, KIM, "reviewed", {"accepted": True, "text": "x"})
    found = cases.add(case.id, LEE, "reviewed", {"accepted": False, "text": "no neighbours"})
    assert found.accepted is False
    assert found.notes[-1].opinion


def test_a_hold_keeps_everything_and_only_a_reviewer_ends_it(
    cases: CaseStore, tmp_path: Path
) -> None:
    case = cases.new(KIM, SHIP, authority="Port")
    (tmp_path / "f").write_text("x")
    case = cases.add(case.id, KIM, "attached", file_detail(case, tmp_path / "f", "document"))
    cases.add(case.id, KIM, "held", {"reason": "court order"})
    gone = {"id": "a1", "reason": "wrong file"}
    with pytest.raises(EvidenceError, match=r"held \(court order\)"):
        cases.add(case.id, KIM, "withdrawn", gone)
    with pytest.raises(EvidenceError, match="does not allow"):
        cases.add(case.id, KIM, "released", {"reason": "x"})
    cases.add(case.id, LEE, "released", {"reason": "closed"})
    case = cases.add(case.id, KIM, "withdrawn", gone)
    assert case.current() == ()
    assert case.attachments[0].withdrawn == "wrong file"
    with pytest.raises(EvidenceError, match="no attachment 'a1'"):
        cases.add(case.id, KIM, "withdrawn", gone)


def test_the_date_of_retention_is_only_put_off(cases: CaseStore) -> None:
    case = cases.new(KIM, SHIP, authority="Port")
    cases.add(case.id, KIM, "retained", {"until": "2030-01-01"})
    with pytest.raises(EvidenceError, match="only be put off"):
        cases.add(case.id, KIM, "retained", {"until": "2029-12-31"})
    assert cases.add(case.id, KIM, "retained", {"until": "2031-01-01"}).retain_until == "2031-01-01"


def test_a_clock_that_goes_back_is_noted(cases: CaseStore, clock: Clock) -> None:
    case = cases.new(KIM, SHIP, authority="Port")
    clock.ns -= 60_000_000_000
    note(cases, case.id, "after the clock was set")
    assert [entry["clock_back_ns"] for entry in cases.entries(case.id)] == [0, 59_000_000_000]


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(EvidenceError, match="no store of cases"):
        CaseStore(path)
    with pytest.raises(SinkError, match="unable to open"):
        CaseStore(tmp_path / "absent" / "x")


def test_versions(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cases"
    old = CaseStore(path, now_ns=clock, quality=lambda: STEERED)
    old.new(KIM, SHIP, authority="Port")
    old.close()
    steps = (*store_module.MIGRATIONS, ("CREATE INDEX by_digest ON entries (sha256)",))
    monkeypatch.setattr(store_module, "MIGRATIONS", steps)
    new = CaseStore(path, now_ns=clock, quality=lambda: STEERED)
    assert [case.id for case in new.cases()] == ["2026-001"]
    new.close()
    monkeypatch.undo()
    with pytest.raises(EvidenceError, match="use a newer one"):
        CaseStore(path)


WRITER = """
import sys
from pathlib import Path
from sdr_detect.evidence.case import Who
from sdr_detect.evidence.store import CaseStore
from sdr_detect.evidence.vessel import Vessel
cases = CaseStore(Path(sys.argv[1]))
case = cases.new(Who("Kim"), Vessel("Alpha"), authority="Port", identifier="V-1")
for number in range(100_000):
    cases.add("V-1", Who("Kim"), "noted", {"text": f"note {number}", "opinion": False})
    print(number, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    last = -1
    for line in writer.stdout:
        last = int(line)
        if last >= 20:
            writer.send_signal(signal.SIGKILL)
            break
    last = max([last, *map(int, writer.stdout.read().split())])
    assert writer.wait(10) == -signal.SIGKILL
    writer.stdout.close()
    cases = CaseStore(path)
    texts = [entry["detail"].get("text") for entry in cases.entries("V-1")][1:]
    assert texts[: last + 1] == [f"note {number}" for number in range(last + 1)]
    assert len(texts) <= last + 2  # one may have been written and not told
    assert cases.faults() == []
    note(cases, "V-1", "going on")
    cases.close()


FULL = """
import resource, signal, sys
from pathlib import Path
from sdr_detect.errors import SinkError
from sdr_detect.evidence.case import Who
from sdr_detect.evidence.store import CaseStore
from sdr_detect.evidence.vessel import Vessel
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
cases = CaseStore(Path(sys.argv[1]))
cases.new(Who("Kim"), Vessel("Alpha"), authority="Port", identifier="V-1")
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    for number in range(10_000):
        cases.add("V-1", Who("Kim"), "noted", {"text": "x" * 1000, "opinion": False})
        print(number, flush=True)
except SinkError as exc:
    print("refused:", exc)
"""


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    *numbers, last = done.stdout.splitlines()
    assert "nothing was added" in last
    assert len(numbers) > 5
    cases = CaseStore(path)
    assert len(cases.entries("V-1")) == 1 + len(numbers)
    assert cases.faults() == []
    note(cases, "V-1", "there is room again")
    cases.close()


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "cases.sqlite"
    code = WRITER.replace("100_000", "15").replace(
        'case = cases.new(Who("Kim"), Vessel("Alpha"), authority="Port", identifier="V-1")', ""
    )
    first = CaseStore(path)
    first.new(KIM, SHIP, authority="Port", identifier="V-1")
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(first.entries("V-1")) == 31
    assert first.faults() == []
    first.close()


@pytest.mark.parametrize("text", ["9074729", "IMO 9074729", "imo9175717", " 9319466 "])
def test_imo_numbers(text: str) -> None:
    assert imo_number(text) in ("9074729", "9175717", "9319466")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9074728", "ask for 9: a digit was misread"),
        ("9074792", "a digit was misread"),
        ("907472", "not seven digits"),
        ("٩٠٧٤٧٢٩", "not seven digits"),
        ("", "not seven digits"),
    ],
)
def test_bad_imo_numbers(text: str, words: str) -> None:
    with pytest.raises(EvidenceError, match=words):
        imo_number(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("25712345", "not nine digits"), ("002573000", "a coast station"),
        ("111257001", "aircraft"), ("970123456", "search and rescue"),
        ("992576001", "aid to navigation"), ("982571234", "mother ship"),
        ("712345678", None), ("799999999", "201 to 775"), ("200123456", "201 to 775"),
    ],
)  # fmt: skip
def test_mmsi(text: str, words: str | None) -> None:
    if words is None:
        assert ship_mmsi(text) == text
        return
    with pytest.raises(EvidenceError, match=words):
        ship_mmsi(text)


@pytest.mark.parametrize("name", ["", " ", "x" * 121, "a\x1b[31mb", "a\x00"])
def test_bad_names(name: str) -> None:
    with pytest.raises(EvidenceError, match="name has"):
        Vessel(name)


def test_recordings_are_attached_with_their_facts(cases: CaseStore, tmp_path: Path) -> None:
    case = cases.new(KIM, SHIP, authority="Port")
    meta = record(tmp_path, "away", duration_s=0.02)
    detail = recording_detail(case, meta, "off_target", {})
    assert [Path(name).name for name in detail["files"]] == ["away.sigmf-data", "away.sigmf-meta"]
    assert detail["facts"]["start_ns"] == 1_777_882_530_000_000_000
    case = cases.add(case.id, KIM, "attached", detail)
    copy = tmp_path / "copy.sigmf-data"
    shutil.copy(meta.with_suffix(".sigmf-data"), copy)
    shutil.copy(meta, copy.with_suffix(".sigmf-meta"))
    with pytest.raises(EvidenceError, match="already, as r1"):
        recording_detail(case, copy, "on_target", {})
    raw = tmp_path / "x.cs8"
    raw.write_bytes(noise_codes("int8", 1000).tobytes())
    stated = {"datatype": "cs8", "rate_hz": 1e6, "rf_hz": 14.2e9, "if_hz": None, "converter": None}
    detail = recording_detail(case, raw, "on_target", stated)
    assert (detail["id"], len(detail["files"]), detail["facts"]["format"]) == ("r2", 1, "raw/cs8")
    assert detail["stated"] == {"datatype": "cs8", "rate_hz": 1e6, "rf_hz": 14.2e9}
    with pytest.raises(EvidenceError, match="no such purpose"):
        recording_detail(case, raw, "somewhere", stated)


def test_steps_say_what_is_missing(cases: CaseStore) -> None:
    case = cases.new(KIM, Vessel("Alpha"), authority="Port")
    steps = {one.step.id: one for one in progress(case)}
    assert "the vessel's IMO number or MMSI" in steps["identity"].missing
    assert any(text.startswith("2 recordings") for text in steps["on_target"].missing)
    assert not steps["neighbours"].done
    assert sum(one.step.minutes for one in steps.values()) == 30
    assert set(flows()) == {"silence", "visit"}


def test_chrony_that_serves_its_own_clock_is_not_steered() -> None:
    line = "{},{},{},1764331200.1,-0.000012,0.00001,0.00002,-1.5,0.01,0.02,0.004,0.0005,64.2,{}"
    good = parse_tracking(line.format("C0248F97", "ntp.test", 3, "Normal"))
    assert good is not None
    assert (good.synchronised, good.bound_ns) == (True, 2_512_000)
    own = parse_tracking(line.format("7F7F0101", "", 10, "Normal"))
    assert own is not None
    assert (own.synchronised, own.bound_ns) == (False, None)
    lost = parse_tracking(line.format("00000000", "", 0, "Not synchronised"))
    assert lost is not None
    assert not lost.synchronised
    assert parse_tracking("506 Cannot talk to daemon") is None


def test_photographs(tmp_path: Path) -> None:
    path = tmp_path / "deck.jpg"
    exif = Image.Exif()
    exif[271] = "Make\x1b[31m"
    exif.get_ifd(0x8769)[36867] = "2026:05:04 08:10:00"
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (59.0, 54.0, 36.0), "W", (10.0, 30.0, 0.0)
    Image.new("RGB", (2000, 1500), "navy").save(path, exif=exif)
    found = facts(path)
    assert found["camera_make"] == "Make[31m"
    assert (found["taken_local"], found["taken_offset"]) == ("2026:05:04 08:10:00", "not stated")
    assert (found["latitude_deg"], found["longitude_deg"]) == (59.91, -10.5)
    small = tmp_path / "small.jpg"
    small.write_bytes(thumbnail(path))
    with Image.open(small) as image:
        assert image.size == (640, 480)
        assert not image.getexif()
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(EvidenceError, match="damaged picture"):
        thumbnail(path)
    path.write_bytes(b"\xff\xd8\xff" + os.urandom(100))
    with pytest.raises(EvidenceError, match="no picture"):
        facts(path)


def test_a_picture_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (16_000, 16_000)).save(path)
    assert MAX_PIXELS < 16_000**2
    with pytest.raises(EvidenceError, match=r"pixels|no picture"):
        facts(path)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def test_the_command(shell: Shell, tmp_path: Path) -> None:
    common = ("--store", tmp_path / "c", "--as", "Kim")
    new = ("case", "new", "--vessel", "A", "--authority", "P", *common)
    assert shell(*new, "--imo", "9074728").err.count("misread") == 1
    assert shell(*new, "--flow", "nothing").err.count("known: silence, visit") == 1
    assert shell(*new, "--id", "V").code == 0
    assert shell("case", "attach", "V", "x", *common).code == 2
    assert "does not exist" in shell("case", "attach", "V", "x", "--for", "check", *common).err
    assert "no case 'W'" in shell("case", "note", "W", "x", *common).err
    assert shell("case", "retain", "V", "--until", "soon", *common).code == 2
    assert "no step 'x'" in shell("case", "step", "V", "x", *common).err
    assert "missing: " in shell("case", "step", "V", "--store", tmp_path / "c").out
    assert "V  20" in shell("case", "list", "--store", tmp_path / "c").out
    done = shell("case", "seal", "V", "--out", tmp_path / "p", "--key", tmp_path / "k", *common)
    assert (done.code, "cannot be read" in done.err) == (2, True)
