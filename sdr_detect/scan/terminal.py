"""When and where a terminal on the air sends: the model behind every probability of intercept."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sdr_detect.profiles.schema import BandClaim, Profile

#: Channels of the measured plan, and the width of a full transmission in one; the
#: same figures with their sources are in ``channels/starlink-ku-uplink.toml``.
CHANNEL_HZ = 62.5e6
OCCUPIED_HZ = 60.0e6

#: Reassignment instants, seconds of the UTC minute modulo 15: :12 :27 :42 :57
#: (both published hop plots, ±1 s).
SLOT_UTC_S = 12.0

#: A slice must cover this much of a channel to hear its preamble, or half of the
#: slice when that is less.
LEAST_OVERLAP_HZ = 1e6


@dataclass(frozen=True, slots=True)
class TerminalModel:
    """Bursts in a channel that is drawn anew at every reassignment.

    Bursts follow each other after a whole number of frames, each of ``frames`` as
    likely as the others. The channel holds for a slot, each as likely.

    Parameters
    ----------
    name : str
        Of the emitter, for people.
    channels_hz : tuple of (float, float)
        RF edges of a full transmission in each channel, ascending.
    burst_s : float
        Length of a burst; all of it must be heard. Default 0.84 ms.
    frame_s : float
        4/3 ms.
    frames : tuple of int
        Spacings from start to start; 5 to 14 frames were seen.
    activity : float
        Share of the bursts that are sent, each by itself.
    slot_s : float
        From one reassignment to the next.
    slot_phase_s : float or None
        A reassignment instant on the clock of the log; None when not known: all
        are as likely.
    session_duty : float
        Share of the slots in which it is on the air at all.

    Raises
    ------
    ValueError
        A value is out of range.
    """

    name: str
    channels_hz: tuple[tuple[float, float], ...]
    burst_s: float = 0.84e-3
    frame_s: float = 4 / 3000
    frames: tuple[int, ...] = tuple(range(5, 15))
    activity: float = 1.0
    slot_s: float = 15.0
    slot_phase_s: float | None = None
    session_duty: float = 1.0

    def __post_init__(self) -> None:
        if not self.channels_hz or any(not low < high for low, high in self.channels_hz):
            raise ValueError("a terminal needs channels with ascending edges")
        if not self.frames or min(self.frames) < 1 or max(self.frames) > 750:
            raise ValueError(f"spacings {self.frames} are not within 1..750 frames")
        for name in ("activity", "session_duty"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)!r} is not within (0, 1]")
        if not 0 < self.burst_s < self.slot_s or not 0 < self.frame_s < self.slot_s:
            raise ValueError("burst, frame and slot must be positive, and the slot the longest")

    def at_phase(self, slot_phase_s: float | None) -> TerminalModel:
        """The same terminal, reassigned at a known instant of the log's clock."""
        return replace(self, slot_phase_s=slot_phase_s)

    def touched(self, lower_hz: float, upper_hz: float) -> tuple[int, ...]:
        """Which channels a slice hears, from 0."""
        least_hz = min(LEAST_OVERLAP_HZ, (upper_hz - lower_hz) / 2)
        return tuple(
            index
            for index, (low, high) in enumerate(self.channels_hz)
            if min(high, upper_hz) - max(low, lower_hz) >= least_hz
        )


def terminal_model(profile: Profile) -> TerminalModel | None:
    """The model of a user terminal's profile: the measured pattern in its bands.

    None when the profile states no band.
    """
    channels: list[tuple[float, float]] = []
    for claim in profile.claims:
        if isinstance(claim, BandClaim):
            for low, high in claim.ranges_hz:
                count = max(1, round((high - low) / CHANNEL_HZ))
                step = (high - low) / count
                guard = step * (1 - OCCUPIED_HZ / CHANNEL_HZ) / 2
                channels += [
                    (low + k * step + guard, low + (k + 1) * step - guard) for k in range(count)
                ]
    return TerminalModel(profile.name, tuple(sorted(channels))) if channels else None


def slot_phase_s(start_ns: int | None) -> float | None:
    """A reassignment instant in seconds since sample 0, from the UTC of sample 0."""
    if start_ns is None:
        return None
    return (SLOT_UTC_S - start_ns % (15 * 10**9) / 1e9) % 15.0
