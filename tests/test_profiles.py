"""Every profile shipped, by one loop; and the schema they are written in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from pydantic import TypeAdapter, ValidationError
from typer.testing import CliRunner

from sdr_detect import catalog
from sdr_detect.commands import profiles as verb
from sdr_detect.profiles.schema import (
    AnyClaim,
    BandClaim,
    Claim,
    GridClaim,
    IfBandClaim,
    LagClaim,
    Profile,
    RangeClaim,
    UnknownClaim,
)

PROFILES = {profile.id: profile for profile in catalog.profiles()}

#: Nothing published says how these are timed or modulated.
WITHOUT_STRUCTURE = {"oneweb_uplink", "qianfan_uplink", "guowang_uplink", "amazon_leo_uplink"}

EVERY_PROFILE = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())


def measured(profile: Profile) -> Iterator[Claim]:
    yield from (claim for claim in profile.claims if isinstance(claim, Claim))


def test_the_set_is_complete() -> None:
    assert set(PROFILES) >= WITHOUT_STRUCTURE | {
        "starlink_uplink", "starlink_downlink", "vsat_scpc", "vsat_mf_tdma", "marine_radar",
        "ads_b", "dme", "gsm", "lte", "nr", "wifi", "inmarsat_terminal", "iridium_terminal",
        "cw_spur",
    }  # fmt: skip


@EVERY_PROFILE
def test_every_claim_has_a_source_and_a_sentence(profile: Profile) -> None:
    for claim in profile.claims:
        assert len(claim.source.split()) >= 1
        assert claim.source.strip() == claim.source
        assert len(claim.text.split()) >= 2
        assert "signals.md" not in claim.source
    assert len(profile.summary.split()) > 8


@EVERY_PROFILE
def test_only_timing_lags_symbol_rates_and_pulses_are_structural(profile: Profile) -> None:
    ranges = {
        "symbol_rate_hz",
        "symbol_rate_per_bandwidth",
        "burst_period_s",
        "pulse_width_s",
        "useful_symbol_s",
    }
    for claim in measured(profile):
        timed = isinstance(claim, RangeClaim) and claim.feature in ranges
        assert claim.structural == (isinstance(claim, LagClaim | GridClaim) or timed)


@EVERY_PROFILE
def test_structural_evidence_outweighs_all_the_rest(profile: Profile) -> None:
    """Band, width and duration together never speak as loudly as a lag or a grid."""
    for claim in measured(profile):
        if isinstance(claim, LagClaim):
            assert 4 <= claim.weight <= 7
        elif not claim.structural:
            assert claim.weight <= 4


@EVERY_PROFILE
def test_a_single_observation_is_never_required(profile: Profile) -> None:
    for claim in measured(profile):
        if claim.required and profile.id != "qianfan_uplink":
            assert claim.confidence == "A"


@pytest.mark.parametrize("name", sorted(WITHOUT_STRUCTURE))
def test_unpublished_systems_claim_no_structure_and_say_what_is_unknown(name: str) -> None:
    profile = PROFILES[name]
    assert not profile.structural
    assert profile.role == "user_terminal"
    assert any(isinstance(claim, UnknownClaim) for claim in profile.claims)


def test_systems_and_roles() -> None:
    terminals = {p.id for p in PROFILES.values() if p.role == "user_terminal"}
    assert terminals == WITHOUT_STRUCTURE | {"starlink_uplink", "vsat_scpc", "vsat_mf_tdma"}
    for profile in PROFILES.values():
        if profile.role in ("ingress", "radar", "artefact"):
            assert profile.system == "none"


def test_a_ku_set_up_cannot_receive_ka() -> None:
    assert [p.id for p in PROFILES.values() if not p.receivable] == ["amazon_leo_uplink"]
    (band,) = [c for c in PROFILES["amazon_leo_uplink"].claims if isinstance(c, BandClaim)]
    assert all(low > 14.5e9 for low, _ in band.ranges_hz)


def test_terminals_stay_in_the_uplink_band() -> None:
    for name in ("starlink_uplink", "oneweb_uplink", "vsat_scpc", "vsat_mf_tdma"):
        (band,) = [c for c in PROFILES[name].claims if isinstance(c, BandClaim)]
        assert band.required
        assert all(13.75e9 <= low < high <= 14.5e9 for low, high in band.ranges_hz)


def test_figures_of_the_starlink_uplink() -> None:
    """60 Msps, 1024 carriers, 128-sample sequences, frames of 1/750 s."""
    claims = PROFILES["starlink_uplink"].claims
    head, burst = (c for c in claims if isinstance(c, LagClaim))
    assert head.lag_s == pytest.approx(128 / 60e6)
    assert head.lags_s[1] == pytest.approx(128 / 62.5e6)
    assert burst.lag_s == pytest.approx(1024 / 60e6)
    assert burst.lags_s[1] == pytest.approx(1024 / 62.5e6)
    (grid,) = (c for c in claims if isinstance(c, GridClaim))
    assert grid.period_s == pytest.approx(1 / 750)
    seen_ms = (6.67, 8.00, 9.33, 10.67, 16.00, 18.67)
    assert {round(ms * 0.75) for ms in seen_ms} <= set(grid.multiples)
    # A downlink's frames follow each other without a gap.
    assert 1 not in grid.multiples


def test_lags_of_other_emitters_lie_outside_every_tolerance() -> None:
    """One measured lag speaks for one numerology: NR at 60 kHz is 2.3 % from Starlink."""
    claims = [
        (profile.id, claim.where, lag, claim.tolerance)
        for profile in PROFILES.values()
        for claim in profile.claims
        if isinstance(claim, LagClaim)
        for lag in claim.lags_s
    ]
    for name, where, lag, tolerance in claims:
        for other, other_where, other_lag, other_tolerance in claims:
            if name != other and where == other_where:
                apart = abs(lag / other_lag - 1)
                assert apart > tolerance + other_tolerance, (name, other)


def test_lags_come_from_the_standards() -> None:
    def lags(name: str) -> set[float]:
        claims = (c for c in PROFILES[name].claims if isinstance(c, LagClaim))
        return {round(lag * 1e9) for claim in claims for lag in claim.lags_s}

    assert lags("lte") == {round(1e9 / 15e3), round(1e9 / 45e3), round(1e9 / 90e3)}
    assert lags("nr") == {round(1e9 / 30e3), round(1e9 / 60e3)}
    assert lags("wifi") == {800, round(1e9 / 312_500), round(1e9 / 78_125)}
    assert lags("starlink_downlink") == {round(1024e9 / 240e6), round(128e9 / 240e6)}


@pytest.mark.parametrize(
    ("if_hz", "expected"),
    [
        (1090e6, {"ads_b", "dme"}),
        (1030e6, {"dme"}),
        (947e6, {"gsm", "lte", "nr"}),
        (1450e6, {"lte", "nr"}),
        (1620e6, {"iridium_terminal"}),
        (1640e6, {"inmarsat_terminal"}),
        (1815.3e6, {"gsm", "lte", "nr"}),
        (1418.75e6, set()),  # the passive band: the least polluted place to watch
        (2437e6, {"wifi"}),
    ],
)
def test_ingress_map(if_hz: float, expected: set[str]) -> None:
    found = {
        profile.id
        for profile in PROFILES.values()
        for claim in profile.claims
        if isinstance(claim, IfBandClaim)
        and any(low <= if_hz <= high for low, high in claim.ranges_hz)
    }
    assert found == expected


CLAIM = {"text": "some text", "source": "someone", "confidence": "A"}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "band", "ranges_hz": [[2.0, 1.0]]},
        {"kind": "band", "ranges_hz": []},
        {"kind": "if_band", "ranges_hz": [[-1.0, 1.0]]},
        {"kind": "lag", "lag_s": 1.0, "where": "head"},
        {"kind": "lag", "lag_s": 1e-6, "where": "tail"},
        {"kind": "lag", "lag_s": 1e-6, "alternatives_s": [0.0], "where": "head"},
        {"kind": "grid", "period_s": 1e-3, "multiples": []},
        {"kind": "range", "feature": "duty_cycle"},
        {"kind": "range", "feature": "duty_cycle", "min": 2.0, "max": 1.0},
        {"kind": "range", "feature": "duty_cicle", "max": 1.0},
        {"kind": "flag", "feature": "sparkling", "value": True},
        {"kind": "flag", "feature": "tone", "value": True, "source": ""},
        {"kind": "flag", "feature": "tone", "value": True, "confidence": "D"},
        {"kind": "flag", "feature": "tone", "value": True, "weight": -1.0},
        {"kind": "guess"},
    ],
)
def test_faulty_claims_are_refused(fault: dict[str, Any]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(AnyClaim)
    assert adapter.validate_python({**CLAIM, "kind": "flag", "feature": "tone", "value": True})
    with pytest.raises(ValidationError):
        adapter.validate_python({**CLAIM, **fault})


def test_a_terminal_belongs_to_a_system() -> None:
    data = PROFILES["cw_spur"].model_dump()
    with pytest.raises(ValidationError, match="belongs to a system"):
        Profile.model_validate(data | {"role": "user_terminal"})


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    verb.register(app)
    return app


def run(app: typer.Typer, *words: str) -> str:
    result = CliRunner().invoke(app, ["profiles", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_verb_lists_all(app: typer.Typer) -> None:
    lines = run(app).splitlines()
    assert {line.split()[0] for line in lines} >= set(PROFILES)


@EVERY_PROFILE
def test_verb_shows_every_source(app: typer.Typer, profile: Profile, monkeypatch: Any) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    shown = run(app, "show", profile.id)
    for claim in profile.claims:
        assert claim.text in shown
        assert claim.source in shown


def test_verb_writes_json(app: typer.Typer, tmp_path: Any) -> None:
    records = [json.loads(line) for line in run(app, "--json", "-").splitlines()]
    assert [record["id"] for record in records] == sorted(PROFILES)
    assert all(next(iter(record)) == "type" for record in records)
    (record,) = map(json.loads, run(app, "show", "lte", "--json", "-").splitlines())
    assert record["structural"] is True
    fields = {key: value for key, value in record.items() if key not in ("type", "structural")}
    assert Profile.model_validate(fields) == PROFILES["lte"]
    target = tmp_path / "out.jsonl"
    assert run(app, "--json", str(target)) == ""
    assert len(target.read_text(encoding="utf-8").splitlines()) == len(PROFILES)
