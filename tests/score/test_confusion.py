"""What emitters are called: by whichever track a reader would take."""

from __future__ import annotations

import pytest

from sdr_detect.model import Match, Span, Track
from sdr_detect.score.confusion import label
from sdr_detect.score.emitters import EMITTERS, emitter_scene
from sdr_detect.score.listen import Heard, at_levels, hear_each


def track(number: int, pfa: float, *named: tuple[str, float]) -> Track:
    matches = tuple(Match(name, "none", "ingress", score, False) for name, score in named)
    return Track(
        number, "burst", Span(0, 10), 0.0, 1.0, 5, None, None, 3.0, pfa, None, {}, matches,
        frozenset(),
    )  # fmt: skip


def test_the_surest_of_the_most_significant_tracks_names_the_emitter() -> None:
    unsure = track(1, 1e-12, ("unknown", 0.46), ("nr", 0.3))
    sure = track(2, 1e-12, ("nr", 0.99))
    faint = track(3, 1e-7, ("lte", 1.0))
    assert label(Heard([unsure, sure, faint])) == "nr"
    assert label(Heard([unsure, faint])) == "unknown"
    # Surely wrong counts as wrong.
    assert label(Heard([track(1, 1e-12, ("nr", 0.6)), track(2, 1e-12, ("lte", 0.9))])) == "lte"


def test_without_a_track_or_a_match_there_is_no_name() -> None:
    assert label(Heard()) == "nothing"
    assert label(Heard([track(1, 1e-12)])) == "unexplained"


@pytest.mark.parametrize(
    ("name", "cn_db"),
    [
        ("GSM base", -6.0),
        ("DME", 15.0),
        ("ADS-B", 6.0),
        ("VSAT carrier", -6.0),
        ("LTE", 6.0),
        ("downlink image", -9.0),
    ],
)
def test_terrestrial_emitters_and_faint_carriers_are_named_near_their_threshold(
    name: str, cn_db: float
) -> None:
    scene = emitter_scene(name, 0.5, 2.4e6)
    # Of seed 22 the carriers lie on the slope of the filter.
    for seed in (21, 22):
        (heard,) = hear_each(at_levels(scene, seed, [cn_db]), 1)
        assert label(heard) in EMITTERS[name].right
