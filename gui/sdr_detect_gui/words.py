"""Plain sentences of the banner and of fields. Pure but for the language."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sdr_detect import view
from sdr_detect.sinks import wording
from sdr_detect_gui.condition import Assessment, Word
from sdr_detect_gui.texts import tr

UNKNOWN = "—"

#: Meaning never rests on colour alone: each verdict has a sign of its own.
SIGNS: dict[Word, str] = {"detected": "▲", "not_detected": "◯", "inconclusive": "?", "none": "⊘"}


@dataclass(frozen=True, slots=True)
class Banner:
    """What the verdict banner says."""

    word: Word
    sign: str
    title: str
    sentence: str
    facts: tuple[str, ...]


def duration(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 10:
        return wording.seconds(round(seconds, 2))
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def banner(assessment: Assessment, state: view.State | None) -> Banner:
    """The banner; a verdict only where data are fresh, or final."""
    word = assessment.word
    if word == "none" or state is None:
        return _no_verdict(assessment)
    said = state.verdict
    title, sentence = _told(word, state)
    if assessment.has("overload"):
        sentence += " " + tr("The receiver is overloaded: levels and shapes are doubtful.")
    poi = wording.percent(said.poi)
    facts = (
        (tr("Watched {time}") if not state.final else tr("In all {time}")).format(
            time=duration(said.analysed_s)
        ),
        tr("Blind {time}").format(time=duration(said.blind_s)),
        tr("Chance of intercept {poi}").format(poi=poi),
    )
    return Banner(word, SIGNS[word], title, sentence, facts)


def _no_verdict(assessment: Assessment) -> Banner:
    if assessment.has("starting"):
        sentence = tr("No data have come yet.")
    else:
        sentence = tr(
            "No valid samples are arriving, so neither “yes” nor “no” can be said. "
            "See the message above."
        )
    title = tr("NO VERDICT: nothing valid was measured")
    return Banner("none", SIGNS["none"], title, sentence, ())


def _told(word: Word, state: view.State) -> tuple[str, str]:
    said = state.verdict
    if word == "detected":
        title = tr("TERMINAL EMISSION: DETECTED, not attributed")
        sentence = tr(
            "Consistent with {terminal} (confidence {confidence}). Turn the antenna away and "
            "compare before it is said of this vessel."
        )
        return title, sentence.format(
            terminal=wording.terminal(said.system), confidence=wording.percent(said.confidence)
        )
    if word == "not_detected":
        title = tr("TERMINAL EMISSION: NOT DETECTED")
        if said.detection_limit_db is None:
            limit = tr("no detection limit can be stated")
        elif said.eirp_limit_dbm is not None:
            limit = tr("one below {eirp} EIRP, or switched off, would not be seen")
            limit = limit.format(eirp=eirp(said))
        else:
            limit = tr("one below a C/N of {limit:+.1f} dB, or switched off, would not be seen")
            limit = limit.format(limit=said.detection_limit_db)
        sentence = tr("Nothing like a terminal in {time} on {channels}; {limit}.")
        return title, sentence.format(
            time=duration(said.analysed_s), channels=_channels(state), limit=limit
        )
    title = tr("TERMINAL EMISSION: INCONCLUSIVE")
    return title, said.reasons[0] if said.reasons else tr("The data do not allow an answer.")


def eirp(said: view.VerdictPart) -> str:
    """The detection limit as EIRP, with its uncertainty where that is known."""
    if said.eirp_limit_dbm is None:
        return UNKNOWN
    text = f"{said.eirp_limit_dbm:+.1f} dBm"
    return text if said.eirp_expanded_db is None else f"{text} ± {said.eirp_expanded_db:.1f} dB"


def track_name(track: view.TrackPart) -> str:
    """Number of a track; one that is only judged so far, and not told yet, has none."""
    return f"T{track.id}" if track.id else tr("so far")


def compared(shown: Banner, kind: str, attributed: bool | None, reasons: Sequence[str]) -> Banner:
    """The banner once an inspector's test was done."""
    reason = reasons[0] if reasons else ""
    if attributed and kind == "off-target" and shown.word == "detected":
        title = tr("TERMINAL EMISSION: DETECTED, attributed by the off-target comparison")
        return replace(shown, title=title, sentence=reason)
    if attributed is False:
        told = tr("The comparison speaks against this vessel: {reason}")
        return replace(shown, sentence=told.format(reason=reason))
    return shown


def _channels(state: view.State) -> str:
    watched = sum(channel.watched_s > 0 for channel in state.channels)
    if not state.channels:
        return tr("this frequency")
    return tr("{watched} of {all} channels").format(watched=watched, all=len(state.channels))


def reasons(said: view.VerdictPart) -> list[tuple[str, str]]:
    """Reasons with their signs: for, against, and what else was weighed."""
    lines = []
    sign = "·" if said.verdict == "inconclusive" else "✓"
    for reason in said.reasons:
        against = reason.removeprefix("against: ")
        lines.append((sign, reason) if against == reason else ("✗", against))
    lines += [("·", f"{other.profile}: {other.why}") for other in said.alternatives[:4]]
    return lines


def track_match(track: view.TrackPart) -> str:
    """What a track looks like."""
    if track.profile is None:
        return tr("no profile fits")
    sign = " ▲" if track.role == "user_terminal" else ""
    score = "" if track.score is None else f" {track.score:.2f}"
    return f"{track.profile}{score}{sign}"


def clock(time_ns: int | None, digits: int = 0) -> str:
    """Time of day in UTC; a dash where it is not known."""
    if time_ns is None:
        return UNKNOWN
    stamp = datetime.datetime.fromtimestamp(time_ns // 1_000_000_000, datetime.UTC)
    part = f".{time_ns % 1_000_000_000:09d}"[: digits + 1] if digits else ""
    return f"{stamp:%H:%M:%S}{part}Z"


def megahertz(frequency_hz: float | None, digits: int = 3) -> str:
    """A frequency with a thin space between thousands."""
    if frequency_hz is None:
        return UNKNOWN
    return f"{frequency_hz / 1e6:,.{digits}f}".replace(",", "\u202f")


def count(number: int) -> str:
    """A large number in short: two digits at least, four figures at most."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= (10 * size if unit == "k" else size):
            return f"{number / size:.1f} {unit}"
    return str(number)


def grouped(number: int) -> str:
    """A whole number in groups of three digits."""
    return f"{number:_}".replace("_", "\u202f")
