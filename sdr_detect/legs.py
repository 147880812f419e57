"""Whether two recordings of a comparison can be compared at all.

Who listens elsewhere, or is deaf, sees nothing either.
"""

from __future__ import annotations

#: How far noise may change between two recordings of one gain. An antenna sees 30 K of
#: clear sky at the least and 290 K of ground or ship; behind it adds 50 K a good
#: downconverter at the least: 340 over 80 K. A deaf receiver changes by more.
POINTING_DB = 6.3
#: And of one pointing, or where it cannot fall: an absorber is as warm as a ship.
STEADY_DB = 2.0

#: Part of an emission's band that must have been listened to where it is not seen.
COVERED = 0.9


def covered(band_hz: tuple[float, float], slice_hz: tuple[float, float]) -> float:
    """Part of a band that a slice holds."""
    shared = min(band_hz[1], slice_hz[1]) - max(band_hz[0], slice_hz[0])
    return max(0.0, shared) / max(band_hz[1] - band_hz[0], 1.0)


def noise_doubt(before: str, after: str, change_db: float, least_db: float) -> str | None:
    """Why two recordings of one gain are not of one working receiver; None if they may be.

    Parameters
    ----------
    before, after : str
        Their names.
    change_db : float
        Noise density of the second over that of the first.
    least_db : float
        By how much it may have fallen.
    """
    if -least_db <= change_db <= POINTING_DB:
        return None
    word = "fell" if change_db < 0 else "rose"
    allowed = least_db if change_db < 0 else POINTING_DB
    return (
        f"noise {word} by {abs(change_db):.1f} dB between {before} and {after}, and where the "
        f"antenna points explains {allowed:g} dB: the gain, a cable or the downconverter's "
        "supply changed, or an emission hides the noise of the whole slice; record again"
    )
