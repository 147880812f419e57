"""Key files: made safely, read strictly; the verb that makes them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.auth
from hypothesis import given
from hypothesis import strategies as st

from sdr_detect import cli, curve
from sdr_detect.errors import ConfigError, SinkError


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    def run(*words: object) -> object:
        monkeypatch.setattr(sys, "argv", ["sdr-detect", "keys", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code

    return run


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("no_umask")
def test_a_pair_is_what_zeromq_reads(tmp_path: Path) -> None:
    public, secret = curve.write_pair(tmp_path / "keys", "bridge")
    assert (public.name, secret.name) == ("bridge.key", "bridge.key_secret")
    assert [mode(path) for path in (secret.parent, secret, public)] == [0o700, 0o600, 0o644]
    pair = curve.read_pair(secret)
    assert zmq.auth.load_certificate(secret) == (pair.public, pair.secret)
    assert zmq.auth.load_certificate(public) == (pair.public, None)
    assert curve.read_public(public) == pair.public
    assert pair.secret.decode() not in repr(pair)


@pytest.mark.usefixtures("no_umask")
def test_a_secret_file_is_private_before_it_holds_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    fdopen = os.fdopen

    def look(file: int, *args: Any, **named: Any) -> Any:
        facts = os.fstat(file)
        seen.append((stat.S_IMODE(facts.st_mode), facts.st_size))
        return fdopen(file, *args, **named)

    monkeypatch.setattr(os, "fdopen", look)
    curve.write_pair(tmp_path, "a")
    assert seen == [(0o600, 0), (0o644, 0)]


@pytest.mark.parametrize("taken", ["a.key", "a.key_secret"])
def test_keys_are_never_replaced(
    tmp_path: Path, taken: str, call: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / taken).write_text("mine")
    assert call("new", "a", "--folder", tmp_path) == 1
    assert f"{tmp_path / taken} exists" in capsys.readouterr().err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(taken, "mine")]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.key_secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SinkError, match="exists"):
        curve.write_pair(tmp_path, "a")
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_cannot_be_written(
    tmp_path: Path, call: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert call("new", "a", "--folder", tmp_path / "file" / "keys") == 1
    assert "cannot be written: Not a directory" in capsys.readouterr().err
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        tmp_path.chmod(0o700)
        pytest.skip("this user may write everywhere")
    assert call("new", "a", "--folder", tmp_path) == 1
    tmp_path.chmod(0o700)
    assert "cannot be written: Permission denied" in capsys.readouterr().err


def test_a_disk_that_is_full_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fdopen = os.fdopen

    def full(file: int, *args: Any, **named: Any) -> Any:
        os.close(file)
        return fdopen(os.open("/dev/full", os.O_WRONLY), *args, **named)

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(SinkError, match=r"a\.key_secret cannot be written: No space"):
        curve.write_pair(tmp_path, "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", ".hidden", "-x", "a/b", "a b", "ä"])
def test_a_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a key"):
        curve.write_pair(tmp_path, name)


def test_the_verb_tells_what_goes_where(
    tmp_path: Path, call: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("new", "a", "--folder", tmp_path) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path / 'a.key'}  public" in said
    assert f"{tmp_path / 'a.key_secret'}  secret" in said
    pair = curve.read_pair(tmp_path / "a.key_secret")
    for file in ("a.key", "a.key_secret"):
        assert call("show", tmp_path / file) == 0
        assert capsys.readouterr().out == f"{pair.public.decode()}\n"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return curve.write_pair(tmp_path / "keys", "a")


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o601])
def test_a_secret_that_others_may_use_is_refused(pair: tuple[Path, Path], bits: int) -> None:
    pair[1].chmod(bits)
    with pytest.raises(ConfigError, match=rf"mode 0{bits:o}\); run 'chmod 600 "):
        curve.read_pair(pair[1])


def test_the_wrong_file_of_a_pair(pair: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match=r"name the \.key_secret file"):
        curve.read_pair(pair[0])
    with pytest.raises(ConfigError, match="should never leave the machine"):
        curve.read_public(pair[1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no public key"),
        (b"public-key\n", "no public key"),
        (b'secret-key = "x"\n', "no public key"),
        (b'public-key = "short"\n', "public key is damaged"),
        (b'public-key = "' + b"~" * 40 + b'"\n', "public key is damaged"),
        (b'public-key = "' + b"#" * 40 + b'"\n', "public key is damaged"),  # beyond 32 bits
        (b'public-key = "' + b"0" * 40 + b'"\nsecret-key = "0"\n', "secret key is damaged"),
        (b'public-key = "' + b"0" * 40 + b'"\nsecret-key = "' + b"1" * 40 + b'"', "no pair"),
        (b"x" * 70_000, "is no key file"),
    ],
)
def test_damaged_files(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "a.key_secret"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=said) as error:
        curve.read_pair(path)
    assert str(path) in str(error.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.key")
    for path, said in (
        (tmp_path, "no key file"),
        (tmp_path / "pipe.key", "no key file"),
        (tmp_path / "absent.key", "No such file"),
    ):
        with pytest.raises(ConfigError, match=said):
            curve.read_public(path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, curve.KeyPair]:
    _, secret = curve.write_pair(tmp_path_factory.mktemp("written"), "a")
    return secret, curve.read_pair(secret)


@given(cut=st.integers(0, 400), byte=st.binary(min_size=0, max_size=3), skip=st.integers(0, 3))
def test_a_damaged_file_never_yields_another_pair(
    written: tuple[Path, curve.KeyPair], cut: int, byte: bytes, skip: int
) -> None:
    path, pair = written
    text = path.read_bytes()
    other = path.with_name("damaged.key_secret")
    other.touch(0o600)
    other.write_bytes(text[:cut] + byte + text[cut + skip :])
    try:
        assert curve.read_pair(other) == pair
    except ConfigError:
        return


def test_a_folder_names_those_who_may(tmp_path: Path) -> None:
    pairs = {name: curve.write_pair(tmp_path, name) for name in ("a", "b.c")}
    assert curve.read_allowed(tmp_path) == {
        curve.read_public(public): name for name, (public, _) in pairs.items()
    }


def test_folders_that_let_in_nobody_or_anybody(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        curve.read_allowed(tmp_path / "absent")
    with pytest.raises(ConfigError, match="nobody could subscribe"):
        curve.read_allowed(tmp_path)
    curve.write_pair(tmp_path, "a")
    (tmp_path / "b.key").write_text("nonsense")
    with pytest.raises(ConfigError, match=r"b\.key: holds no public key"):
        curve.read_allowed(tmp_path)
    (tmp_path / "b.key").unlink()
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="chmod o-w"):
        curve.read_allowed(tmp_path)
