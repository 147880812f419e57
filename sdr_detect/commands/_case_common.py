"""What the verbs of a case share: the store, who acts, and what is said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sdr_detect.errors import ConfigError

if TYPE_CHECKING:
    from sdr_detect.evidence.case import Who
    from sdr_detect.evidence.store import CaseStore

StoreOption = Annotated[
    Path,
    typer.Option("--store", metavar="FILE", envvar="SDR_DETECT_CASES", help="The file of cases."),
]
NameOption = Annotated[
    str, typer.Option("--as", metavar="NAME", envvar="SDR_DETECT_NAME", help="Who you are.")
]
RoleOption = Annotated[
    Literal["operator", "reviewer"], typer.Option("--role", help="What you act as.")
]
CaseArgument = Annotated[str, typer.Argument(metavar="CASE")]
STORE = Path("cases.sqlite")


def open_store(path: Path) -> CaseStore:
    try:
        from sdr_detect.evidence.store import CaseStore
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"cases need {exc.name}; install the extra: pip install 'sdr-detect[case]'"
        ) from exc
    return CaseStore(path)


def who(name: str, role: Literal["operator", "reviewer"] = "operator") -> Who:
    from sdr_detect.evidence.case import Who

    return Who(name, role)


def add(store: Path, case: str, by: Who, action: str, detail: dict[str, Any]) -> None:
    open_store(store).add(case, by, action, detail)


def said(text: str) -> str:
    from sdr_detect.evidence.vessel import plain_text

    return plain_text("text", text, 10_000)
