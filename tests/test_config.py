from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sdr_detect.config import Strict, apply_sets, build, read_toml
from sdr_detect.errors import ConfigError, ProfileError


class Cfar(Strict):
    guard_hz: float = 1e3
    pfa: float = 1e-6


class Stage(Strict):
    name: str = ""
    limits: list[Cfar] = []  # noqa: RUF012 - pydantic copies defaults


class Settings(Strict):
    title: str = "x"
    cfar: Cfar = Cfar()
    stages: list[Stage] = []  # noqa: RUF012 - pydantic copies defaults


def test_defaults_and_values() -> None:
    assert build(Settings, {}) == Settings()
    assert build(Settings, {"cfar": {"pfa": 1e-3}}).cfar == Cfar(pfa=1e-3)


@pytest.mark.parametrize(
    ("data", "key", "near"),
    [
        ({"titel": "x"}, "titel", "title"),
        ({"cfar": {"gaurd_hz": 1.0}}, "cfar.gaurd_hz", "guard_hz"),
        ({"stages": [{}, {"nmae": "a"}]}, "stages.1.nmae", "name"),
        ({"stages": [{"limits": [{"pfaa": 1}]}]}, "stages.0.limits.0.pfaa", "pfa"),
    ],
)
def test_unknown_key_names_the_nearest(data: dict[str, object], key: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean '{near}'") as caught:
        build(Settings, data, file="my.toml")
    assert caught.value.key == key
    assert caught.value.file == "my.toml"
    assert str(caught.value).startswith(f"my.toml: {key}: ")


def test_unknown_key_near_nothing_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="known keys: guard_hz, pfa"):
        build(Settings, {"cfar": {"zzzzzz": 1}})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "a lot", None])
def test_bad_value_is_shown(value: object) -> None:
    with pytest.raises(ConfigError, match="got ") as caught:
        build(Settings, {"cfar": {"pfa": value}})
    assert caught.value.key == "cfar.pfa"
    assert repr(value) in str(caught.value)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().title = "y"


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("cfar.pfa=1e-3", 1e-3),
        ("cfar.pfa = 2", 2),
        ("cfar.pfa=true", True),
        ('cfar.pfa="text"', "text"),
        ("cfar.pfa=text without quotes", "text without quotes"),
        ("cfar.pfa=[1, 2]", [1, 2]),
        ("cfar.pfa=a=b", "a=b"),
    ],
)
def test_set_reads_toml_values(item: str, value: object) -> None:
    assert apply_sets({}, [item]) == {"cfar": {"pfa": value}}


def test_set_overlays_and_the_last_wins() -> None:
    data = {"title": "a", "cfar": {"guard_hz": 5.0}}
    out = apply_sets(data, ["cfar.pfa=1", "cfar.pfa=2", "title='b'"])
    assert out == {"title": "b", "cfar": {"guard_hz": 5.0, "pfa": 2}}
    assert data == {"title": "a", "cfar": {"guard_hz": 5.0}}


@given(
    st.dictionaries(
        st.text("abc_", min_size=1), st.integers() | st.floats(allow_nan=False) | st.booleans()
    )
)
def test_sets_rebuild_any_flat_table(table: dict[str, int | float | bool]) -> None:
    items = [f"{key}={str(value).lower()}" for key, value in table.items()]
    assert apply_sets({}, items) == table


@pytest.mark.parametrize("item", ["cfar.pfa", "=1", "  =1", ""])
def test_set_without_key_or_value_is_refused(item: str) -> None:
    with pytest.raises(ConfigError, match=r"--set section\.key=value"):
        apply_sets({}, [item])


def test_set_does_not_run_through_a_value() -> None:
    with pytest.raises(ConfigError, match="'title' is a value"):
        apply_sets({"title": "a"}, ["title.more=1"])


def test_read_toml(tmp_path: Path) -> None:
    path = tmp_path / "good.toml"
    path.write_text("[cfar]\npfa = 1e-4\n", encoding="utf-8")
    assert build(Settings, read_toml(path)).cfar.pfa == 1e-4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = 1\nb = \n", "line 2"),
        (b"a = '\xff'\n", "not valid TOML"),
        (b"a = 1\na = 2\n", "not valid TOML"),
    ],
)
def test_faulty_toml_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match=message) as caught:
        read_toml(path, error=ProfileError)
    assert caught.value.file == str(path)


def test_missing_toml_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(tmp_path)
