from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sdr_detect import catalog
from sdr_detect.errors import ConfigError, ProfileError
from sdr_detect.plan import DIRECT, FrequencyPlan

SHEET = """
name = "{name}"
title = "A converter of mine"
side = "low"
[lo_hz]
value = 13.0e9
source = "its label"
confidence = "B"
[rf_hz]
lower = 14.0e9
upper = 14.5e9
source = "its label"
confidence = "B"
"""

PROFILE = """
id = "{name}"
version = 1
name = "Mine"
system = "unknown"
role = "user_terminal"
summary = "For a test."
[[claims]]
kind = "unknown"
text = "everything"
source = "nobody"
"""


def test_every_converter_shipped() -> None:
    names = [sheet.name for sheet in catalog.converter_sheets()]
    assert names == sorted(names)
    assert set(names) >= {
        "ku-12.80",
        "ku-13.05",
        "ku-15.45-high",
        "universal-10.60",
        "universal-9.75",
        "ka-27.40",
        "none",
    }
    assert [converter.name for converter in catalog.converters()] == names


def test_no_converter_is_the_identity() -> None:
    assert catalog.converter("none") == DIRECT


@pytest.mark.parametrize("sheet", catalog.converter_sheets(), ids=lambda sheet: sheet.name)
def test_specified_range_lands_where_the_title_says(sheet: catalog.ConverterSheet) -> None:
    """Converters for the uplink feed an L-band input; others warn that they do not."""
    if sheet.side == "none":
        return
    plan = FrequencyPlan(sheet.converter)
    ends = sorted(plan.if_from_rf(rf) for rf in (sheet.rf_hz.lower, sheet.rf_hz.upper))
    assert ends[0] >= 950e6
    assert ends[1] <= 2150e6
    if not plan.covers(14.25e9) and not sheet.example:
        assert any("avoid it" in text for text in sheet.warnings)


@pytest.mark.parametrize("sheet", catalog.converter_sheets(), ids=lambda sheet: sheet.name)
def test_an_example_says_that_it_is_no_product(sheet: catalog.ConverterSheet) -> None:
    assert sheet.example == ("no product" in sheet.lo_hz.source)
    if sheet.example:
        assert sheet.lo_hz.confidence == "C"


@pytest.mark.parametrize("folder", ["converters", "channels", "profiles"])
def test_files_are_named_by_what_they_hold(folder: str) -> None:
    stems = {path.stem for path in (Path(catalog.__file__).parent / folder).glob("*.toml")}
    held = {
        "converters": {sheet.name for sheet in catalog.converter_sheets()},
        "channels": {plan.name for plan in catalog.channel_plans()},
        "profiles": {profile.id for profile in catalog.profiles()},
    }
    assert stems == held[folder]


def test_unknown_converter_names_the_nearest_and_lists_all() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'ku-12\.80'.*universal-9\.75"):
        catalog.converter("ku-12.8")
    with pytest.raises(ConfigError, match=r"(?<!mean )Known: ka-27\.40"):
        catalog.converter("zzz")


def test_own_converter_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SHEET.format(name="mine"), encoding="utf-8")
    assert catalog.converter(path).lo_hz == 13.0e9
    assert catalog.converter(str(path)) == catalog.converter(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('side = "low"', 'side = "left"', "side"),
        ('side = "low"', 'side = "none"', "side 'none' only"),
        ("lower = 14.0e9", "lower = 15.0e9", "not below"),
        ("value = 13.0e9", "valeu = 13.0e9", "did you mean 'value'"),
        ('source = "its label"', 'source = ""', "source"),
        ('confidence = "B"', 'confidence = "D"', "confidence"),
    ],
)
def test_faulty_converter_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    text = SHEET.format(name="mine")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        catalog.converter(path)
    assert str(path) in str(caught.value)


def test_missing_converter_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        catalog.converter(tmp_path / "none.toml")


def test_starlink_uplink_channels_and_their_ifs() -> None:
    plan = catalog.channel_plan("starlink-ku-uplink")
    lnb = FrequencyPlan(catalog.converter("ku-12.80"))
    assert [lnb.if_from_rf(channel.center_hz) / 1e6 for channel in plan.channels] == [
        1231.25, 1293.75, 1356.25, 1418.75, 1481.25, 1543.75, 1606.25, 1668.75,
    ]  # fmt: skip
    assert plan.channels[0].lower_hz == 14.0e9
    assert plan.channels[-1].upper_hz == 14.5e9


def test_starlink_downlink_channels() -> None:
    channels = catalog.channel_plan("starlink-ku-downlink").channels
    assert channels[0].lower_hz == 10.7e9
    assert channels[-1].upper_hz == 12.7e9
    assert [channel.number for channel in channels] == list(range(1, 9))


def test_channel_of_a_frequency() -> None:
    plan = catalog.channel_plan("starlink-ku-uplink")
    quiet = plan.channel_at(14.2188e9)
    assert quiet is not None
    assert quiet.number == 4
    edge = plan.channel_at(14.0625e9)
    assert edge is not None
    assert edge.number == 2
    assert plan.channel_at(14.0e9) == plan.channels[0]
    assert plan.channel_at(14.5e9) is None
    assert plan.channel_at(13.99e9) is None


def test_channels_must_fit_their_step(tmp_path: Path) -> None:
    figures = "value = {}\nsource = 'me'\nconfidence = 'C'\n"
    path = tmp_path / "mine.toml"
    path.write_text(
        "name = 'mine'\ntitle = 't'\nsystem = 's'\ndirection = 'uplink'\ncount = 2\n"
        f"[first_center_hz]\n{figures.format(14e9)}[step_hz]\n{figures.format(1e6)}"
        f"[occupied_hz]\n{figures.format(2e6)}",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match="does not fit"):
        catalog.channel_plan(path)


def test_own_profiles_join_those_shipped(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(PROFILE.format(name="mine"), encoding="utf-8")
    shipped = [profile.id for profile in catalog.profiles()]
    assert [profile.id for profile in catalog.profiles([tmp_path])] == sorted([*shipped, "mine"])
    assert [profile.id for profile in catalog.profiles()] == shipped
    assert catalog.profile(tmp_path / "mine.toml").id == "mine"


def test_own_profile_cannot_replace_one_shipped(tmp_path: Path) -> None:
    path = tmp_path / "starlink_uplink.toml"
    path.write_text(PROFILE.format(name="starlink_uplink"), encoding="utf-8")
    with pytest.raises(ProfileError, match="taken"):
        catalog.profiles([tmp_path])


def test_profile_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no folder"):
        catalog.profiles([tmp_path / "none"])


def test_data_files_load_from_a_zip(tmp_path: Path) -> None:
    """The package may be imported from an archive: nothing assumes a folder on disk."""
    source = Path(catalog.__file__).parent
    copy = tmp_path / "tree" / "sdr_detect"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    archive = shutil.make_archive(str(tmp_path / "bundle"), "zip", copy.parent)
    code = (
        f"import sys; sys.path.insert(0, {archive!r}); import sdr_detect; "
        "assert '.zip' in sdr_detect.__file__; from sdr_detect import catalog; "
        "print(catalog.converter('ku-12.80').lo_hz, len(catalog.profiles()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout.split() == ["12800000000.0", str(len(catalog.profiles()))], done.stderr
