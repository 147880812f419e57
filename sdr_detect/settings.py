"""Every number that steers the analysis, with its default and its reason.

The resolved settings go into the evidence: nothing that changes a result lives
anywhere else.
"""

from __future__ import annotations

from pydantic import Field, field_validator

from sdr_detect.config import Strict

DAY_S = 86400.0

#: Detectors on which a verdict can rest: single bursts, folded ones, carriers.
GROUNDS = ("burst", "fold", "carrier")

#: No single answer may be wrong more often than this, however long the watch.
MOST_PFA = 1e-2


class FrameSettings(Strict):
    """How the stream is cut into dwells, frames and fine cells."""

    #: One frame: half of the shortest burst (53.6 µs), so that a burst fills at
    #: least two half-overlapped frames.
    frame_s: float = Field(default=26.7e-6, gt=1e-6, le=1e-2)
    #: One dwell: five or more of the longest burst repetitions (18.67 ms) fit.
    dwell_s: float = Field(default=0.1, ge=0.02, le=1.0)
    #: Caps memory at any rate; at 60 Msps a dwell becomes 70 ms.
    dwell_max_samples: int = Field(default=4_194_304, ge=65_536)
    #: IQ kept past a dwell's end, so that the start of its last burst is whole.
    lookahead_s: float = Field(default=1.0e-3, gt=0, le=1e-2)
    #: Sub-bands in which energy is watched separately.
    subbands: int = Field(default=16, ge=1, le=64)

    @field_validator("subbands")
    @classmethod
    def _dyadic(cls, subbands: int) -> int:
        """Boxes double in width up to the whole slice."""
        if subbands & (subbands - 1):
            raise ValueError(f"{subbands} is no power of two; take 8, 16 or 32")
        return subbands


class BurstSettings(Strict):
    """Energy along time against quiet times."""

    #: Per test cell; with about 1e7 cells a second at 20 Msps this leaves one
    #: false burst in 100 s of noise. A false burst is not a false verdict.
    pfa: float = Field(default=1e-9, gt=0, lt=1e-2)
    #: Doubt about the noise reference, carried into every threshold.
    noise_uncertainty_db: float = Field(default=0.25, ge=0, le=3)
    #: Frames that stay silent inside one burst before it ends.
    close_frames: int = Field(default=2, ge=0, le=64)
    #: Silence that ends a burst whatever it looked like. Bursts of a terminal
    #: are at least 5.8 ms apart.
    longest_gap_s: float = Field(default=3e-3, gt=0, le=0.1)
    #: Longest burst kept whole; beyond it the burst is cut and flagged.
    max_burst_s: float = Field(default=0.5, gt=0, le=10)
    #: Bursts a dwell may yield; more are counted, and the dwell is flagged.
    max_per_dwell: int = Field(default=2000, ge=10)


class LagSettings(Strict):
    """How the waveform repeats itself."""

    head_s: float = Field(default=19e-6, gt=0, lt=1e-3)
    head_max_lag_s: float = Field(default=9e-6, gt=0, lt=1e-3)
    burst_s: float = Field(default=0.9e-3, gt=0, lt=1e-2)
    stream_s: float = Field(default=6e-3, gt=0, lt=0.1)
    max_lag_s: float = Field(default=72e-6, gt=0, lt=1e-3)
    min_lag_s: float = Field(default=0.45e-6, gt=0)
    #: Bursts a dwell whose waveform is looked at; the rest only count in time.
    bursts_per_dwell: int = Field(default=24, ge=1)
    #: Samples a dwell, of burst bodies and of the stream alike, that are
    #: correlated for cyclic prefixes; heads are always looked at.
    body_samples_per_dwell: int = Field(default=65_536, ge=1024)
    #: A lag is reported when noise alone would show one in this share of tracks.
    pfa: float = Field(default=1e-6, gt=0, lt=1e-2)


class FoldSettings(Strict):
    """Bursts too weak to be seen one by one, folded at 1/750 s."""

    #: A track is made when noise shows one as good in this share of recordings:
    #: as rare as a verdict asks for.
    pfa: float = Field(default=1e-6, gt=0, lt=1)


class CarrierSettings(Strict):
    """Narrow carriers and tones inside the slice."""

    resolution_hz: float = Field(default=2500.0, gt=0)
    window_s: float = Field(default=0.5, gt=0.05, le=15)
    #: Chance that noise shows any carrier in one window, over all bins and widths.
    pfa: float = Field(default=1e-9, gt=0, lt=1e-1)
    #: What stands out of the bins beside it, and is wider than a tone, must stand
    #: out of filter ripple too.
    min_excess_db: float = Field(default=1.0, ge=0, le=10)
    #: The least height over the fitted passband that is believed: a standing wave
    #: of 0.6 dB and three periods across the sample rate leaves 0.05 dB.
    least_excess_db: float = Field(default=0.15, ge=0, le=10)
    #: How fast the receiver's own oscillators may move. An unlocked converter of
    #: 12.8 GHz on a crystal of 1 ppm/°C that warms by 1 °C a minute moves by
    #: 213 Hz/s. With a locked one, set 1 to 10.
    lo_drift_hz_per_s: float = Field(default=215.0, ge=0, le=1e5)
    #: The slowest drift that a low orbit's terminal is known by: up to 4.6 kHz/s
    #: overhead (550 km, 14.25 GHz), a quarter of it near the rim of its view.
    least_doppler_hz_per_s: float = Field(default=1000.0, gt=0, le=1e5)
    max_carriers: int = Field(default=32, ge=1)


class TrackSettings(Strict):
    """How bursts become tracks."""

    max_tracks: int = Field(default=64, ge=4)
    max_bursts_kept: int = Field(default=4096, ge=64)
    #: A track silent for so long is closed: four channel changes have passed.
    idle_s: float = Field(default=60.0, gt=0)


class SweepSettings(Strict):
    """Blocks in a spectrum stitched from retunes."""

    #: Prior spread of a stop's excess, from retune to retune. Gain cancels in the
    #: excess; what is left is the level's own unsteadiness while it stays, 0.014 dB
    #: for noise at 2.4 Msps in 15 ms. The scatter between neighbouring stops takes
    #: its place where that is larger.
    repeatability_db: float = Field(default=0.02, gt=0, le=3)
    #: Chance that a whole sweep without signal shows a block.
    pfa: float = Field(default=1e-3, gt=0, lt=1e-1)


class OccupancySettings(Strict):
    """Share of time and band in use (ITU-R SM.1880, Report SM.2256)."""

    #: Off unless asked for: most users want the verdict.
    enabled: bool = False
    #: One event for each band and period; SM.2256 speaks of 5 to 15 minutes.
    integration_s: float = Field(default=900.0, ge=1, le=DAY_S)
    #: One sample of a channel: a terminal's shortest burst is 54 µs, its usual one
    #: 0.84 ms. Longer samples round occupancy up, shorter ones need a higher threshold.
    sample_s: float = Field(default=200e-6, ge=20e-6, le=0.02)
    #: Over the noise reference; raised where noise alone would cross it too often.
    threshold_db: float = Field(default=3.0, ge=1, le=40)
    #: Chance that noise alone makes one sample occupied.
    pfa: float = Field(default=1e-6, gt=0, lt=1e-2)
    #: What the passband may do to the noise of a channel; a channel that is always
    #: further above the quietest fifth is a carrier's.
    ripple_db: float = Field(default=1.5, ge=0, le=10)


class VerdictSettings(Strict):
    """What it takes to say `detected`, and to say anything at all."""

    min_score: float = Field(default=0.9, gt=0.5, lt=1)
    #: Probability that blank data of this length yields such a track: what a
    #: single recording is allowed, however short.
    max_pfa: float = Field(default=1e-6, gt=0, lt=1e-2)
    #: False detections expected in 24 h of listening to noise, all detectors and
    #: bands together. A watch of hours is allowed its share of it.
    false_alarms_per_day: float = Field(default=0.1, gt=0, le=1)
    #: Above this share of lost or overloaded time nothing can be said.
    max_blind_fraction: float = Field(default=0.5, gt=0, le=1)
    #: Shorter recordings cannot hold two of the slowest burst repetitions.
    min_analysed_s: float = Field(default=0.02, ge=0)
    #: A detection limit above this C/N is no limit: ordinary terminals nearby
    #: would be missed.
    max_limit_db: float = Field(default=15.0, ge=-20, le=60)
    #: Below this probability of intercept "not detected" becomes "inconclusive".
    #: 0 asks only that some terminal band was covered at all.
    min_poi: float = Field(default=0.0, ge=0, le=1)
    #: While a watch goes on, an alert tells that the verdict has become `detected`:
    #: the first looks are this far apart, later ones up to 10 s. 0 for none.
    look_s: float = Field(default=1.0, ge=0, le=3600)

    #: EIRP towards the receiver, over a whole channel, that "not detected" must be good
    #: for, its expanded uncertainty included; else it becomes "inconclusive". It takes a
    #: calibration, an antenna and `site.distance_m`. None asks for nothing.
    max_limit_eirp_dbm: float | None = Field(default=None, ge=-100, le=120)

    def allowed_pfa(self, listened_s: float) -> float:
        """Chance of a false detection that one detector has in so much listening.

        The daily budget grows with the time listened, in whatever bands, and is
        shared by the kinds of detector that can ground a verdict.
        """
        share = self.false_alarms_per_day / len(GROUNDS) * listened_s / DAY_S
        return min(MOST_PFA, max(self.max_pfa, share))


class SiteSettings(Strict):
    """Where the receiver stands; it changes no detection, only levels and limits."""

    #: Distance to the vessel, and its standard uncertainty.
    distance_m: float | None = Field(default=None, gt=0, le=1e7)
    distance_uncertainty_m: float = Field(default=0.0, ge=0, le=1e7)
    #: Standard deviation, on either axis, of where the antenna points.
    pointing_error_deg: float = Field(default=0.0, ge=0, le=90)


class Settings(Strict):
    """All of it."""

    frames: FrameSettings = FrameSettings()
    burst: BurstSettings = BurstSettings()
    lag: LagSettings = LagSettings()
    fold: FoldSettings = FoldSettings()
    carrier: CarrierSettings = CarrierSettings()
    tracks: TrackSettings = TrackSettings()
    sweep: SweepSettings = SweepSettings()
    occupancy: OccupancySettings = OccupancySettings()
    verdict: VerdictSettings = VerdictSettings()
    site: SiteSettings = SiteSettings()

    def reported_pfa(self, listened_s: float) -> float:
        """Chance below which what folding or activity shows is told after so much listening."""
        return max(self.fold.pfa, self.verdict.allowed_pfa(listened_s))
