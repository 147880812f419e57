"""Publishes what a window shows of a watch: spectra, the verdict so far, finds.

A tap and a sink at once. Nobody is waited for: who is too slow misses messages,
sees so by their numbers, and gets the whole state again within a second. The
analysis never depends on whether somebody looks.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator

import numpy as np
import zmq

from sdr_detect import view, wire
from sdr_detect.curve import PublisherKeys
from sdr_detect.errors import SinkError
from sdr_detect.events import BurstEvent, Event, Incident, Verdict
from sdr_detect.model import IQBlock
from sdr_detect.pipeline import Snapshot
from sdr_detect.rawblock import Block, decoded
from sdr_detect.sinks import view_state
from sdr_detect.sinks.view_rows import Pooled, RowMeter, threshold_db
from sdr_detect.sinks.zmq_gate import Gate, bind

#: Rows cover at least this much signal, and no more than 30 a second are sent.
ROW_S = 1 / 30
ROWS_PER_S = 30.0
#: After a pause, for example while a dwell is analysed, so many may follow at once.
_ROW_BURST = 30.0

STATE_INTERVAL_S = 0.5
#: Of the time, at most one part in this goes into judging for the display.
_JUDGE_SHARE = 15

_QUEUE_MESSAGES = 256
_MAX_REQUEST_BYTES = 4096
_LINGER_MS = 1000


class ViewPublisher:
    """Shows a watch to windows.

    Parameters
    ----------
    endpoint : str
        As for `ZmqPublisher`.
    snapshot : callable
        Where the pipeline stands.
    keys : PublisherKeys, optional

    Attributes
    ----------
    recorder : callable or None
        How what a person lets record stands.
    sweep : callable or None
        How a sweep stands.

    Raises
    ------
    ConfigError
        The endpoint leaves this machine and there are no keys.
    SinkError
        It cannot be bound.
    """

    def __init__(
        self,
        endpoint: str,
        snapshot: Callable[[], Snapshot],
        *,
        keys: PublisherKeys | None = None,
    ) -> None:
        wire.check_endpoint(endpoint, keyed=keys is not None)
        self._snapshot = snapshot
        self._session = secrets.token_hex(8)
        self._seq = 0
        self._meter: RowMeter | None = None
        self._seen: Snapshot | None = None
        self._judge_due_s = 0.0
        self._tokens, self._tokens_s = _ROW_BURST, time.monotonic()
        self._state_due_s = 0.0
        self._finds = _Finds()
        self._health = _Health()
        self._block: IQBlock | None = None
        self.recorder: Callable[[], view.RecorderPart | None] | None = None
        self.sweep: Callable[[], view.SweepPart] | None = None
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        self._socket.set_hwm(_QUEUE_MESSAGES)
        self._socket.setsockopt(zmq.LINGER, _LINGER_MS)
        self._socket.setsockopt(zmq.MAXMSGSIZE, _MAX_REQUEST_BYTES)
        self._gate = None if keys is None else Gate(self._context, self._socket, keys)
        try:
            #: Where windows connect to.
            self.endpoint = bind(self._socket, endpoint)
        except SinkError:
            self._release()
            raise

    def take(self, block: Block) -> None:
        """Look at one block, and send what is due."""
        block = decoded(block)
        self._block = block
        self._health.take(block)
        if self._meter is None or self._meter.info != block.info:
            self._send_row()
            self._meter = RowMeter(block.info)
        for piece in _pieces(block):
            self._meter.take(piece)
            if self._meter.pooled_s >= ROW_S and self._may_send():
                self._send_row()
        now_s = time.monotonic()
        if now_s >= self._state_due_s:
            self._state_due_s = now_s + STATE_INTERVAL_S
            self._send_state(self._judged(now_s))

    def _judged(self, now_s: float) -> Snapshot:
        """The verdict so far, as new as the share of time for it allows."""
        if self._seen is None or now_s >= self._judge_due_s:
            self._seen = self._snapshot()
            spent_s = time.monotonic() - now_s
            self._judge_due_s = now_s + _JUDGE_SHARE * spent_s
        return self._seen

    def write(self, event: Event) -> None:
        """Keep an event for the next message; the verdict is sent at once."""
        match event:
            case BurstEvent():
                self._finds.add_burst(event)
            case Incident():
                self._finds.add_note(event)
            case Verdict():
                self._send_row()
                self._send_state(self._snapshot(), event)
            case _:
                pass

    def close(self) -> None:
        """Say that it is over and release the endpoint. Safe to call twice."""
        if self._socket.closed:
            return
        self._send(view.End(cause=self._health.lost_reason))
        self._release()

    def _release(self) -> None:
        if self._gate is not None:
            self._gate.close()
        self._socket.close()
        self._context.term()

    def _may_send(self) -> bool:
        now_s = time.monotonic()
        gained = (now_s - self._tokens_s) * ROWS_PER_S
        self._tokens, self._tokens_s = min(_ROW_BURST, self._tokens + gained), now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _send_row(self) -> None:
        pooled = None if self._meter is None else self._meter.row()
        if pooled is not None and self._meter is not None:
            self._send(_row(pooled, self._meter, self._seen))
        finds = self._finds.part()
        if finds is not None:
            self._send(finds)

    def _send_state(self, seen: Snapshot, verdict: Verdict | None = None) -> None:
        block = self._block
        if block is None:
            return
        self._send(
            view.State(
                utc_ns=block.info.time_ns(block.stop_sample),
                next_sample=block.stop_sample,
                judged_sample=seen.next_sample,
                burst_count=seen.burst_count,
                track_count=len(seen.tracks),
                final=verdict is not None,
                verdict=view_state.verdict(verdict or seen.verdict),
                tracks=view_state.tracks(seen.tracks, block.info),
                channels=view_state.channels(seen.channels),
                health=self._health.part(),
                sweep=None if self.sweep is None else self.sweep(),
                recorder=None if self.recorder is None else self.recorder(),
            )
        )

    def _send(self, body: view.Body) -> None:
        stamp = view.Stamp(
            session=self._session,
            seq=self._seq,
            mono_ns=time.monotonic_ns(),
            utc_ns=time.time_ns(),
        )
        self._seq += 1
        self._socket.send_multipart(view.encode(body, stamp))


def _pieces(block: IQBlock) -> Iterator[IQBlock]:
    """The block in pieces short against a row, so that rows are equally long."""
    size = max(1024, int(block.info.sample_rate_hz * ROW_S / 4))
    for start in range(0, block.sample_count, size):
        samples = block.samples[start : start + size]
        yield IQBlock(block.info, block.first_sample + start, samples)


def _row(pooled: Pooled, meter: RowMeter, seen: Snapshot | None) -> view.Row:
    frame = None if seen is None else seen.frame
    fits = frame is not None and frame.info == pooled.info
    floor = meter.reference(frame.floor) if fits and frame is not None else None
    bins = len(pooled.peak)
    head = view.RowHead(
        tuning=view_state.tuning(pooled.info),
        first_sample=pooled.first_sample,
        stop_sample=pooled.stop_sample,
        stop_ns=pooled.info.time_ns(pooled.stop_sample),
        frames=pooled.frames,
        bins=bins,
        rbw_hz=meter.rbw_hz,
        has_floor=floor is not None,
        threshold_db=threshold_db(pooled.frames, bins),
        rise_db=None if floor is None else _rise_db(pooled.strongest, float(floor.sum())),
    )
    return view.Row(head, pooled.peak, pooled.mean, floor)


def _rise_db(power: float, reference: float) -> float | None:
    return 10 * float(np.log10(power / reference)) if power > 0 and reference > 0 else None


class _Finds:
    """Bursts and incidents that wait for the next message."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._bursts: list[view.BurstPart] = []
        self._bursts_left = 0
        self._notes: list[view.NotePart] = []
        self._notes_left = 0

    def add_burst(self, event: BurstEvent) -> None:
        self._bursts.append(view_state.burst(event))
        if len(self._bursts) > 2 * view.MAX_BURSTS:
            self._thin()

    def _thin(self) -> None:
        """Leave out the weakest; those kept stay in order of time."""
        strongest = sorted(self._bursts, key=lambda burst: -(burst.snr_db or 0.0))
        kept = strongest[: view.MAX_BURSTS]
        self._bursts_left += len(self._bursts) - len(kept)
        self._bursts = sorted(kept, key=lambda burst: burst.start_sample)

    def add_note(self, incident: Incident) -> None:
        if len(self._notes) < view.MAX_NOTES:
            self._notes.append(view_state.note(incident))
        else:
            self._notes_left += 1

    def part(self) -> view.Finds | None:
        """All that waits; None if nothing does."""
        if not (self._bursts or self._notes or self._notes_left):
            return None
        self._thin()
        finds = view.Finds(
            bursts=tuple(self._bursts),
            bursts_left_out=self._bursts_left,
            notes=tuple(self._notes),
            notes_left_out=self._notes_left,
        )
        self._clear()
        return finds


class _Health:
    """Sums for the health of the receiver; shares begin anew with every state sent."""

    def __init__(self) -> None:
        self.lost_reason: str | None = None
        self._samples = self._lost = self._gaps = 0
        self._since_s = time.monotonic()
        self._clear()

    def _clear(self) -> None:
        self._count = self._clipped = 0
        self._energy = 0.0
        self._clip_known = False

    def take(self, block: IQBlock) -> None:
        self._samples += block.sample_count
        self._lost += block.lost_before
        self._gaps += bool(block.lost_before)
        for notice in block.notices:
            if notice.reason == "source_lost":
                self.lost_reason = view.shortened(notice.detail)
        if block.sample_count:
            self.lost_reason = None
            self._count += block.sample_count
            self._clipped += block.clipped
            self._clip_known = block.info.clip_level is not None
            self._energy += float(np.vdot(block.samples, block.samples).real)

    def part(self) -> view.HealthPart:
        now_s, count = time.monotonic(), self._count
        power = view_state.finite(self._energy / count) if count else None
        part = view.HealthPart(
            receiving=count > 0,
            lost_reason=self.lost_reason,
            rate_hz=count / max(now_s - self._since_s, 1e-3),
            sample_count=self._samples,
            lost_count=self._lost,
            gap_count=self._gaps,
            clipped_share=self._clipped / count if count and self._clip_known else None,
            level_dbfs=None if power is None else 10 * float(np.log10(max(power, 1e-20))),
        )
        self._since_s = now_s
        self._clear()
        return part
