"""Signs of life in the log of a long watch: silence and a dead detector look alike."""

from __future__ import annotations

from collections.abc import Callable

from sdr_detect.pipeline import Snapshot
from sdr_detect.rawblock import Block
from sdr_detect.sinks.jsonl import JsonLines

#: Time between two of them.
EVERY_S = 900.0


class Signs:
    """Writes how a watch stands, four times in an hour of the stream.

    Parameters
    ----------
    lines : JsonLines
    seen : callable
        Where the watch stands.
    """

    def __init__(self, lines: JsonLines, seen: Callable[[], Snapshot]) -> None:
        self._lines = lines
        self._seen = seen
        self._due_s = EVERY_S

    def take(self, block: Block) -> None:
        """Write a line if it is time.

        Raises
        ------
        SinkError
            The log cannot be written.
        """
        now_s = block.info.seconds(block.stop_sample)
        if now_s < self._due_s:
            return
        self._due_s = (now_s // EVERY_S + 1) * EVERY_S
        seen = self._seen()
        said = seen.verdict
        self._lines.write_object(
            {
                "type": "status",
                "stop_s": now_s,
                "verdict": said.verdict,
                "system": said.system,
                "detection_limit_db": said.detection_limit_db,
                "poi": said.poi,
                "analysed_s": seen.analysed_s,
                "blind_s": seen.blind_s,
                "burst_count": seen.burst_count,
                "tracks": len(seen.tracks),
            }
        )
