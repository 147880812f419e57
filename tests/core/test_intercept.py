"""The detection limit."""

from __future__ import annotations

import math

from sdr_detect.intercept import detection_limit_db


def test_limit_falls_with_time_and_bandwidth_to_that_of_energy() -> None:
    def limit(seconds: float, width_hz: float) -> float:
        found = detection_limit_db(seconds, width_hz, 0.05, 0.05)
        assert found is not None
        return found

    assert limit(0.1, 1.9e6) > limit(1, 1.9e6) > limit(10, 1.9e6) - 1e-9
    assert limit(0.1, 1.9e6) > limit(0.1, 4e6) > limit(0.1, 16e6) - 1e-9
    # Longer than a slot nothing adds up coherently.
    assert limit(1e4, 16e6) == limit(15, 16e6)
    # Nothing is found whose bursts cannot be told from the silence between them.
    assert limit(1e4, 16e6) >= 10 * math.log10(0.05 / 3)
    deaf = detection_limit_db(1e4, 16e6, 0.05, 0.5)
    assert deaf is not None
    assert deaf >= 10 * math.log10(0.45)


def test_no_limit_where_nothing_can_be_recognised() -> None:
    assert detection_limit_db(0.005, 2e6, 0.05, 0.05) is None
    assert detection_limit_db(100, 200e3, 0.05, 0.05) is None


def test_few_bursts_must_be_placed_one_by_one() -> None:
    """At 20 Msps in 0.1 s, where their preambles alone would add up far lower."""
    placed = detection_limit_db(0.1, 16e6, 0.167, 0.167)
    folded = detection_limit_db(0.3, 16e6, 0.167, 0.167)
    assert placed is not None
    assert folded is not None
    assert placed >= 10 * math.log10(1.6 * 0.167)
    assert folded < placed - 3
