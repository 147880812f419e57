"""What a case is, read off its entries: nothing else holds its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sdr_detect.evidence.vessel import Vessel

Role = Literal["operator", "reviewer"]

#: Who may do what. The roles are what people state, and keep honest people apart;
#: whoever owns the machine is not hindered by them.
ALLOWED: Mapping[str, tuple[Role, ...]] = {
    "opened": ("operator",),
    "attached": ("operator",),
    "withdrawn": ("operator",),
    "stepped": ("operator",),
    "positioned": ("operator",),
    "noted": ("operator", "reviewer"),
    "retained": ("operator", "reviewer"),
    "held": ("operator", "reviewer"),
    "released": ("reviewer",),
    "reviewed": ("reviewer",),
    "sealing": ("operator",),
    "sealed": ("operator",),
}


@dataclass(frozen=True, slots=True)
class Who:
    """Who acts, and as what."""

    name: str
    role: Role = "operator"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of the case, where it lay and what it was.

    ``files`` maps each path to its size and SHA-256; ``facts`` is what could be read of it.
    """

    id: str
    kind: str
    role: str | None
    files: Mapping[str, tuple[int, str]]
    stated: Mapping[str, Any]
    facts: Mapping[str, Any]
    at_utc: str
    withdrawn: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something said about the case; an opinion is kept apart from findings."""

    at_utc: str
    who: Who
    text: str
    opinion: bool


@dataclass(frozen=True, slots=True)
class Case:
    """The state of one case.

    ``steps`` maps a step's name to its statement and when it was made; ``sealed`` lists
    packages by the SHA-256 of their manifests; ``hold`` is the reason of a litigation hold.
    """

    id: str
    vessel: Vessel
    authority: str
    flow: str
    opened_utc: str
    people: tuple[Who, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    notes: tuple[Note, ...] = ()
    steps: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    position: Mapping[str, Any] | None = None
    hold: str | None = None
    retain_until: str | None = None
    accepted: bool | None = None
    sealed: tuple[tuple[str, str], ...] = ()

    def current(self, kind: str | None = None) -> tuple[Attachment, ...]:
        """Attachments that were not withdrawn."""
        return tuple(
            one
            for one in self.attachments
            if one.withdrawn is None and (kind is None or one.kind == kind)
        )

    def to_json(self) -> dict[str, Any]:
        """For a package; everything else about it is in the custody log."""
        return {
            "id": self.id,
            "vessel": self.vessel.to_json(),
            "authority": self.authority,
            "flow": self.flow,
            "opened_utc": self.opened_utc,
            "people": [{"name": who.name, "role": who.role} for who in self.people],
            "position": None if self.position is None else dict(self.position),
            "hold": self.hold,
            "retain_until": self.retain_until,
            "accepted": self.accepted,
            "notes": [
                {
                    "at_utc": note.at_utc,
                    "name": note.who.name,
                    "role": note.who.role,
                    "text": note.text,
                    "opinion": note.opinion,
                }
                for note in self.notes
            ],
            "attachments": [
                {
                    "id": one.id,
                    "kind": one.kind,
                    "role": one.role,
                    "files": {
                        path.rsplit("/", 1)[-1]: {"size": size, "sha256": digest}
                        for path, (size, digest) in one.files.items()
                    },
                    "facts": dict(one.facts),
                    "withdrawn": one.withdrawn,
                }
                for one in self.attachments
            ],
            "steps": {
                name: {"at_utc": at, "text": text} for name, (at, text) in self.steps.items()
            },
        }


def fold(entries: Iterable[Mapping[str, Any]]) -> Case:
    """The state after all entries; the first opens the case."""
    log = iter(entries)
    first = next(log)
    detail = first["detail"]
    case = Case(
        id=first["case"],
        vessel=Vessel(**detail["vessel"]),
        authority=detail["authority"],
        flow=detail["flow"],
        opened_utc=first["at_utc"],
        people=(_who(first),),
    )
    for entry in log:
        case = _with(case, entry)
    return case


def _who(entry: Mapping[str, Any]) -> Who:
    return Who(entry["name"], entry["role"])


def _with(case: Case, entry: Mapping[str, Any]) -> Case:
    detail, at_utc, who = entry["detail"], entry["at_utc"], _who(entry)
    if who not in case.people:
        case = replace(case, people=(*case.people, who))
    match entry["action"]:
        case "attached":
            return replace(case, attachments=(*case.attachments, _attachment(detail, at_utc)))
        case "withdrawn":
            return replace(case, attachments=_withdraw(case.attachments, detail))
        case "noted":
            note = Note(at_utc, who, detail["text"], detail["opinion"])
            return replace(case, notes=(*case.notes, note))
        case "stepped":
            return replace(case, steps={**case.steps, detail["step"]: (at_utc, detail["text"])})
        case "reviewed":
            note = Note(at_utc, who, detail["text"], True)
            return replace(case, notes=(*case.notes, note), accepted=detail["accepted"])
        case "sealed":
            package = (detail["manifest_sha256"], detail["path"])
            return replace(case, sealed=(*case.sealed, package))
        case _:
            return _with_state(case, entry["action"], detail)


def _with_state(case: Case, action: str, detail: Mapping[str, Any]) -> Case:
    match action:
        case "positioned":
            return replace(case, position=detail)
        case "held":
            return replace(case, hold=detail["reason"])
        case "released":
            return replace(case, hold=None)
        case "retained":
            return replace(case, retain_until=detail["until"])
        case _:
            return case


def _attachment(detail: Mapping[str, Any], at_utc: str) -> Attachment:
    return Attachment(
        id=detail["id"],
        kind=detail["kind"],
        role=detail["role"],
        files={path: (size, digest) for path, (size, digest) in detail["files"].items()},
        stated=detail["stated"],
        facts=detail["facts"],
        at_utc=at_utc,
    )


def _withdraw(
    attachments: tuple[Attachment, ...], detail: Mapping[str, Any]
) -> tuple[Attachment, ...]:
    return tuple(
        replace(one, withdrawn=detail["reason"]) if one.id == detail["id"] else one
        for one in attachments
    )
