"""What is shipped: the wheel, its data, its licence, and the way it is built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import sdr_detect

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {"sdr_detect", "sdr_detect_gui", "sdr_detect_hardware"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*.whl")
    return path


def test_wheel_holds_three_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == TOP_LEVEL


def test_wheel_holds_every_data_file(wheel: Path) -> None:
    roots = (ROOT, ROOT / "gui", ROOT / "hardware")
    wanted = {
        path.relative_to(root).as_posix()
        for root in roots
        for package in TOP_LEVEL
        for path in (root / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert wanted - names == set()
    assert {f"{package}/py.typed" for package in TOP_LEVEL} <= names
    for folder in ("converters", "channels", "profiles"):
        assert any(re.fullmatch(rf"sdr_detect/{folder}/[\w.-]+\.toml", name) for name in names)


def test_wheel_contents_pass_the_checker(wheel: Path) -> None:
    command = [sys.executable, "-m", "check_wheel_contents", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_wheel_carries_licence_version_and_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {n.partition("/")[0] for n in archive.namelist() if ".dist-info/" in n}
        metadata = archive.read(f"{info}/METADATA").decode()
        commands = archive.read(f"{info}/entry_points.txt").decode()
        licence = archive.read(f"{info}/licenses/LICENSE").decode()
    assert f"Version: {sdr_detect.__version__}\n" in metadata
    assert "License-Expression: Apache-2.0\n" in metadata
    assert "sdr-detect = sdr_detect.cli:main" in commands
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_package_works_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        "import sdr_detect, sdr_detect_gui, sdr_detect_hardware; from sdr_detect import catalog; "
        "print(sdr_detect.__file__, len(catalog.converters()), len(catalog.profiles()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    where, converters, profiles = done.stdout.split()
    assert Path(where).is_relative_to(tmp_path)
    assert int(converters) >= 7
    assert int(profiles) >= 18


def test_no_copyleft_library_is_required(project: dict[str, Any]) -> None:
    """Apache-2.0 holds for the core only while GPL parts stay optional and apart."""
    copyleft = ("pyrtlsdr", "ducc0", "pyfftw", "soapysdr", "pyside6", "pyqt")
    required = " ".join(project["project"]["dependencies"]).lower()
    assert [name for name in copyleft if name in required] == []
    assert "pyrtlsdr" in " ".join(project["project"]["optional-dependencies"]["rtlsdr"])


def test_changelog_names_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    assert headings[0] in ("Unreleased", sdr_detect.__version__)
    assert len(headings) == len(set(headings))


def test_decisions_have_their_four_headings() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
        assert found == ["Context", "Decision", "Consequences", "Alternatives"], path.name


def test_documents_say_nothing_twice() -> None:
    """A fact in two places is wrong in one of them after the next change."""
    paragraphs = [
        " ".join(paragraph.split())
        for path in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
        for paragraph in re.split(r"\n(?:\s*\n|- )", path.read_text(encoding="utf-8"))
    ]
    counts = Counter(text for text in paragraphs if len(text.split()) >= 8)
    assert [text for text, count in counts.items() if count > 1] == []


def test_readme_commands_exist() -> None:
    """Every `make` target and every verb that the README shows is there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", text, flags=re.MULTILINE)) <= targets
    pattern = r"(?:^|`)(?:\.venv/bin/)?sdr-detect ([a-z]+)"
    verbs = set(re.findall(pattern, text, flags=re.MULTILINE))
    commands = ROOT / "sdr_detect" / "commands"
    assert verbs
    assert verbs <= {path.stem for path in commands.glob("[a-z]*.py")}


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in script
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
