"""Cases in a SQLite file: entries that are only ever added, each chained to the one before.

Write-ahead log and full synchronisation: an entry that `CaseStore.add` has returned
survives the end of the process and of the power.
"""

from __future__ import annotations

import getpass
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError

from sdr_detect.errors import EvidenceError, SinkError
from sdr_detect.evidence import clock
from sdr_detect.evidence.canonical import START, broken_links, canonical, link
from sdr_detect.evidence.case import ALLOWED, Case, Who, fold
from sdr_detect.evidence.vessel import Vessel, plain_text
from sdr_detect.sinks.sigmf_fields import utc_text

#: Steps from each version of the file to the next; ``user_version`` counts them.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE entries (seq INTEGER PRIMARY KEY, case_id TEXT NOT NULL, "
        "number INTEGER NOT NULL, sha256 TEXT NOT NULL, record TEXT NOT NULL, "
        "UNIQUE (case_id, number))",
        "CREATE TRIGGER entries_stay BEFORE UPDATE ON entries "
        "BEGIN SELECT RAISE(ABORT, 'entries are never changed'); END",
        "CREATE TRIGGER entries_remain BEFORE DELETE ON entries "
        "BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END",
        # INSERT OR REPLACE would delete without a trigger's notice.
        "CREATE TRIGGER entries_are_new BEFORE INSERT ON entries "
        "WHEN EXISTS (SELECT 1 FROM entries WHERE seq = NEW.seq "
        "OR (case_id = NEW.case_id AND number = NEW.number)) "
        "BEGIN SELECT RAISE(ABORT, 'entries are never replaced'); END",
    ),
)

CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_BUSY_MS = 10_000
_TEXT = 10_000


class CaseStore:
    """All cases of one file.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    now_ns, quality : callable
        UTC and the quality of the clock; tests give their own.

    Raises
    ------
    EvidenceError
        The file is no store, or a newer program's.
    SinkError
        It cannot be made or written.
    """

    def __init__(
        self,
        path: Path,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        quality: Callable[[], clock.ClockQuality] = clock.quality,
    ) -> None:
        self.path = path
        self._now_ns = now_ns
        self._quality = quality
        self._engine = _engine(path)
        with self._transaction() as db:
            _migrate(db, path)

    def new(
        self,
        who: Who,
        vessel: Vessel,
        *,
        authority: str,
        flow: str = "visit",
        identifier: str | None = None,
        another: bool = False,
    ) -> Case:
        """Open a case; without ``identifier`` it gets the next number of the year.

        Raises
        ------
        EvidenceError
            The name is taken or not plain, or the vessel has an open case and
            ``another`` is not set.
        """
        if identifier is not None and not CASE_ID.fullmatch(identifier):
            raise EvidenceError(
                f"{identifier!r} cannot name a case; use up to 40 letters, digits, '.', '_', '-'"
            )
        if not another:
            self._refuse_second(vessel)
        detail = {
            "vessel": vessel.to_json(),
            "authority": plain_text("authority", authority),
            "flow": flow,
        }
        with self._transaction() as db:
            name = identifier or self._next_id(db)
            if _entries(db, name):
                raise EvidenceError(f"case {name} exists; choose another name, or add to it")
            self._insert(db, name, who, "opened", detail, [])
        return self.case(name)

    def _refuse_second(self, vessel: Vessel) -> None:
        for case in self.cases():
            same = vessel.imo is not None and case.vessel.imo == vessel.imo
            same |= vessel.mmsi is not None and case.vessel.mmsi == vessel.mmsi
            if same and not case.sealed:
                raise EvidenceError(
                    f"case {case.id} of the same vessel is open; add to it, or open another with "
                    "--another"
                )

    def _next_id(self, db: Connection) -> str:
        year = utc_text(self._now_ns())[:4]
        taken = set(db.execute(text("SELECT DISTINCT case_id FROM entries")).scalars())
        number = 1
        while f"{year}-{number:03}" in taken:
            number += 1
        return f"{year}-{number:03}"

    def add(self, case_id: str, who: Who, action: str, detail: Mapping[str, Any]) -> Case:
        """Add an entry; it is on the disk when this returns.

        Raises
        ------
        EvidenceError
            There is no such case, the role may not do this, or the action cannot follow.
        SinkError
            The disk takes no more; nothing was added then.
        """
        with self._transaction() as db:
            entries = _entries(db, case_id)
            if not entries:
                raise EvidenceError(f"there is no case {case_id!r} in {self.path}")
            _check(fold(entries), who, action, detail)
            self._insert(db, case_id, who, action, dict(detail), entries)
        return self.case(case_id)

    def _insert(
        self,
        db: Connection,
        case_id: str,
        who: Who,
        action: str,
        detail: dict[str, Any],
        entries: list[dict[str, Any]],
    ) -> None:
        if who.role not in ALLOWED[action]:
            raise EvidenceError(
                f"the role of {who.role} does not allow this ({action}); it takes the role "
                f"{' or '.join(ALLOWED[action])}"
            )
        last = db.execute(text("SELECT record FROM entries ORDER BY seq DESC LIMIT 1")).scalar()
        before = None if last is None else _load(last)
        now_ns = self._now_ns()
        record = {
            "case": case_id,
            "number": len(entries) + 1,
            "at_utc": utc_text(now_ns),
            "at_ns": now_ns,
            "clock": self._quality().to_json(),
            "clock_back_ns": 0 if before is None else max(0, before["at_ns"] - now_ns),
            "name": plain_text("name", who.name),
            "role": who.role,
            "account": _account(),
            "action": action,
            "detail": detail,
            "previous_in_store": START if before is None else before["sha256"],
        }
        full = link(record, entries[-1]["sha256"] if entries else START)
        db.execute(
            text(
                "INSERT INTO entries (case_id, number, sha256, record) "
                "VALUES (:case_id, :number, :sha256, :record)"
            ),
            {
                "case_id": case_id,
                "number": full["number"],
                "sha256": full["sha256"],
                "record": canonical(full).decode(),
            },
        )

    def entries(self, case_id: str) -> list[dict[str, Any]]:
        """The log of a case.

        Raises
        ------
        EvidenceError
            There is no such case.
        """
        with self._transaction() as db:
            found = _entries(db, case_id)
        if not found:
            raise EvidenceError(f"there is no case {case_id!r} in {self.path}")
        return found

    def case(self, case_id: str) -> Case:
        """The state of a case. Raises as `entries`."""
        return fold(self.entries(case_id))

    def cases(self) -> list[Case]:
        """All cases, oldest first."""
        with self._transaction() as db:
            rows = db.execute(
                text("SELECT case_id FROM entries WHERE number = 1 ORDER BY seq")
            ).scalars()
            return [fold(_entries(db, name)) for name in rows.all()]

    def faults(self) -> list[str]:
        """What is wrong with the chains of the store; nothing if they are whole."""
        with self._transaction() as db:
            rows = db.execute(text("SELECT record FROM entries ORDER BY seq")).scalars().all()
        found = []
        logs: dict[str, list[dict[str, Any]]] = {}
        previous = START
        for number, record in enumerate(map(_load, rows), 1):
            logs.setdefault(str(record.get("case")), []).append(record)
            if record.get("previous_in_store") != previous:
                found.append(f"entry {number} of the store does not follow the one before it")
            previous = str(record.get("sha256"))
        for name, log in logs.items():
            found += [f"case {name}: {what}" for what in broken_links(log)]
        return found

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as db:
                yield db
        except OperationalError as exc:
            raise SinkError(
                f"{self.path} cannot be read or written ({exc.orig}); nothing was added"
            ) from exc
        except DatabaseError as exc:
            raise EvidenceError(f"{self.path} is no store of cases: {exc.orig}") from exc


def _account() -> str:
    """Of the operating system; a container may have no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"busy_timeout = {_BUSY_MS}"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Immediate: two writers queue here instead of failing in the middle.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _migrate(db: Connection, path: Path) -> None:
    version = db.execute(text("PRAGMA user_version")).scalar_one()
    if version > len(MIGRATIONS):
        raise EvidenceError(
            f"{path} is of version {version}; this program knows {len(MIGRATIONS)}: use a newer one"
        )
    for step in MIGRATIONS[version:]:
        for statement in step:
            db.exec_driver_sql(statement)
    if version < len(MIGRATIONS):
        db.exec_driver_sql(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _entries(db: Connection, case_id: str) -> list[dict[str, Any]]:
    rows = db.execute(
        text("SELECT record FROM entries WHERE case_id = :id ORDER BY number"), {"id": case_id}
    )
    return [_load(row) for row in rows.scalars()]


def _load(record: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record)
    return found


def _check(case: Case, who: Who, action: str, detail: Mapping[str, Any]) -> None:
    """Whether the action can follow."""
    if action not in ALLOWED or action == "opened":
        raise EvidenceError(f"{action!r} is nothing that can be done to a case")
    others = [one for one in case.people if one.name.casefold() == who.name.casefold()]
    if any(one.role != who.role for one in others):
        raise EvidenceError(
            f"{who.name} is {others[0].role} of case {case.id} and cannot also be {who.role}: "
            "a case is reviewed by somebody else"
        )
    if action == "withdrawn":
        if case.hold is not None:
            raise EvidenceError(f"case {case.id} is held ({case.hold}): nothing is withdrawn")
        if detail["id"] not in {one.id for one in case.current()}:
            raise EvidenceError(f"case {case.id} has no attachment {detail['id']!r}")
    if action == "released" and case.hold is None:
        raise EvidenceError(f"case {case.id} is not held")
    if action == "retained" and case.retain_until and detail["until"] < case.retain_until:
        raise EvidenceError(
            f"case {case.id} is kept until {case.retain_until}; the date can only be put off"
        )
