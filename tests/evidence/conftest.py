"""A small sealed package, made once."""

from __future__ import annotations

import pytest

from sdr_detect.catalog import profiles
from sdr_detect.evidence import package, signing
from sdr_detect.evidence.results import Steering
from sdr_detect.settings import Settings
from tests.evidence.parts import SIGNED, Sealed, chain, files, record


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    folder = tmp_path_factory.mktemp("sealed")
    public, secret, _ = signing.new_pair(folder, "inspector")
    photo = folder / "deck.jpg"
    photo.write_bytes(b"no picture, only bytes")
    contents = package.Contents(
        {"case": "2026-1"},
        chain("new", "attach", "seal"),
        [files(record(folder, "quiet"), "r1", "off_target")],
        [package.Attached("attached/deck.jpg", photo, package.sha256(photo.read_bytes()))],
        Steering(Settings(), tuple(profiles())),
    )
    path = folder / "visit.sdrcase"
    package.seal(path, contents, signing.read_secret(secret), SIGNED)
    return Sealed(path, public, secret, contents)
