"""What a track's own width says of the lags at which it repeats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sdr_detect.features.lag import LagMeter
from sdr_detect.profiles.measured import Measured
from sdr_detect.settings import LagSettings
from tests.core.streams import noise
from tests.core.test_judge import PREAMBLE, SYMBOL, UPLINK


def test_a_narrow_emission_repeats_after_no_short_lag() -> None:
    """Several channels of 42 kHz once met both lags of a terminal by their beats."""
    lags = LagMeter(2.4e6, LagSettings())
    head, body = lags.new_head_sum(), lags.new_body_sum()
    wide = Measured(UPLINK, UPLINK, {"bandwidth_hz": None}, (), {"head": head, "burst": body})
    burst = lags.burst(noise(24_000, 3), 100, 20_000, np.ones(64, np.float32))
    assert burst is not None
    assert burst.body is not None
    head.add(burst.head)
    body.add(burst.body)
    head.close_dwell()
    body.close_dwell()
    for where, lag_s in (PREAMBLE, SYMBOL):
        assert wide.lag(where, lag_s, 0.006) is not None
        for width_hz in (41e3, 150e3):
            narrow = replace(wide, features={"bandwidth_hz": width_hz})
            assert narrow.lag(where, lag_s, 0.006) is None
