"""What a running watch has to show, put into the parts of a view message. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from sdr_detect import view
from sdr_detect.events import BurstEvent, Incident, Verdict
from sdr_detect.model import StreamInfo, Track
from sdr_detect.sinks import wording
from sdr_detect.sinks.sigmf_fields import GENERATOR
from sdr_detect.watched import ChannelWatch


def tuning(info: StreamInfo) -> view.Tuning:
    """Where the receiver listens."""
    converter = info.plan.converter
    return view.Tuning(
        stream_id=view.shortened(info.stream_id, 500),
        sample_rate_hz=info.sample_rate_hz,
        center_hz=info.center_hz,
        usable_hz=info.usable_hz,
        if_center_hz=info.if_center_hz,
        converter=converter.name,
        inverted=converter.inverted,
        rf_lower_hz=converter.rf_lower_hz,
        rf_upper_hz=converter.rf_upper_hz,
        gain_db=info.gain_db,
        dbm_offset_db=info.dbm_offset_db,
        time_error_ns=info.time_error_ns,
    )


def verdict(said: Verdict) -> view.VerdictPart:
    """The verdict, with as many reasons as a message holds."""
    weighed = tuple(
        view.Alternative(
            system=other.system,
            profile=other.profile,
            score=finite(other.score),
            why=view.shortened(other.why),
        )
        for other in said.alternatives[: view.MAX_TEXTS]
    )
    eirp = None if said.physical is None else said.physical.eirp_dbm
    return view.VerdictPart(
        verdict=said.verdict,
        system=said.system,
        confidence=finite(said.confidence),
        pfa=said.pfa,
        detection_limit_db=finite(said.detection_limit_db),
        eirp_limit_dbm=None if eirp is None else finite(eirp.value),
        eirp_expanded_db=None if eirp is None else finite(eirp.expanded),
        poi=said.poi,
        analysed_s=said.analysed_s,
        blind_s=said.blind_s,
        reasons=tuple(_texts(said.reasons)),
        alternatives=weighed,
        rules=GENERATOR,
    )


def tracks(found: Iterable[Track], info: StreamInfo) -> tuple[view.TrackPart, ...]:
    """The best explained and strongest tracks."""

    def order(track: Track) -> tuple[float, float, int]:
        best = wording.best_match(track)
        return (-(best.score if best else 0.0), -track.snr_db, track.id)

    return tuple(_track(track, info) for track in sorted(found, key=order)[: view.MAX_TRACKS])


def _track(track: Track, info: StreamInfo) -> view.TrackPart:
    best = wording.best_match(track)
    return view.TrackPart(
        id=track.id,
        kind=track.kind,
        start_sample=track.span.start_sample,
        stop_sample=track.span.stop_sample,
        start_ns=info.time_ns(track.span.start_sample),
        freq_lower_hz=track.freq_lower_hz,
        freq_upper_hz=track.freq_upper_hz,
        burst_count=track.burst_count,
        duty_cycle=finite(track.duty_cycle),
        burst_period_s=finite(track.burst_period_s),
        snr_db=finite(track.snr_db),
        profile=None if best is None else best.profile,
        system=None if best is None else best.system,
        role=None if best is None else best.role,
        score=None if best is None else finite(best.score),
        reasons=tuple(_texts(() if best is None else best.reasons)),
        against=tuple(_texts(() if best is None else best.against)),
        flags=tuple(sorted(flag.value for flag in track.flags)),
    )


def burst(event: BurstEvent) -> view.BurstPart:
    """A burst as a box."""
    region = event.burst.detection
    return view.BurstPart(
        start_sample=region.span.start_sample,
        stop_sample=region.span.stop_sample,
        freq_lower_hz=region.freq_lower_hz,
        freq_upper_hz=region.freq_upper_hz,
        snr_db=finite(region.snr_db),
    )


def note(incident: Incident) -> view.NotePart:
    """An incident."""
    return view.NotePart(
        kind=incident.kind,
        start_sample=incident.span.start_sample,
        stop_sample=incident.span.stop_sample,
        reason=view.shortened(incident.reason, 500),
        detail=view.shortened(incident.detail),
    )


def finite(value: float | None) -> float | None:
    """The value; None where JSON has no number for it."""
    return value if value is not None and math.isfinite(value) else None


def _texts(texts: Sequence[str]) -> list[str]:
    return [view.shortened(text) for text in texts[: view.MAX_TEXTS]]


def channels(watched: Sequence[ChannelWatch]) -> tuple[view.ChannelPart, ...]:
    """All channels of the plan; none when nothing of it was watched."""
    if not any(channel.watched_s for channel in watched):
        return ()
    return tuple(
        view.ChannelPart(
            number=channel.number,
            freq_lower_hz=channel.lower_hz,
            freq_upper_hz=channel.upper_hz,
            watched_s=channel.watched_s,
            visits=channel.visits,
            revisit_s=channel.revisit_s,
            poi=channel.poi,
            last_seen_s=channel.last_seen_s,
        )
        for channel in watched[: view.MAX_CHANNELS]
    )
