"""What is the matter, and what may be said: one judgement for every widget. Pure.

Widgets hold no validity of their own: a banner that says FROZEN beside ticks that
still say 8/8 was the fault of a window whose parts each judged for themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sdr_detect import view
from sdr_detect_gui.texts import tr

#: Data that are older blank whatever depends on them.
FRESH_S = 2.0
#: Share of clipped samples that is told.
CLIPPED_SHARE = 0.01
#: Share of the watched time without samples that is told.
BLIND_SHARE = 0.05
LEAST_FREE_BYTES = 2_000_000_000

Mode = Literal["live", "replay", "file"]
Word = Literal["detected", "not_detected", "inconclusive", "none"]
Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the window knows at an instant.

    ``age_s`` is the age of the newest row, None before the first; ``exit_code`` that
    of a process the window started, None while it runs or where there is none.
    """

    mode: Mode
    age_s: float | None = None
    state: view.State | None = None
    tuning: view.Tuning | None = None
    running: bool = True
    exit_code: int | None = None
    last_words: str = ""
    ended: bool = False
    waited_s: float = 0.0
    lost_messages: int = 0
    disk_free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Something the user should know, with its remedy."""

    name: str
    severity: Severity
    text: str
    remedy: str

    @property
    def told(self) -> str:
        """Both as sentences."""
        return f"{self.text.rstrip('.')}. {self.remedy}"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What holds now.

    ``fresh`` rules every field that depends on arriving data; ``word`` is the
    verdict that may be shown.
    """

    fresh: bool
    word: Word
    conditions: tuple[Condition, ...]

    def has(self, name: str) -> bool:
        """Whether a condition holds."""
        return any(condition.name == name for condition in self.conditions)


#: Kinds of failure by what drivers and the system say, and the remedy for each.
_CAUSES: tuple[tuple[str, str], ...] = (
    ("crashed", r"was killed or crashed"),
    ("disk_full", r"no space|disk is full|disk full|cannot be written"),
    ("no_device", r"no such device|are attached|is attached|no connection"),
    ("busy", r"\bbusy\b|another program|one program at a time|in use|claimed"),
    ("driver_missing", r"not installed|cannot be used|pip install|apt-get install|no driver for"),
    (
        "unplugged",
        r"unplugged|disconnected|stopped delivering|was lost|no samples for|silent|hangs|"
        r"connection broke|broke the connection|ended the connection|the driver ",
    ),
    ("no_device", r"no such|not found|no device|no receiver|does not exist|nothing came|refused"),
)


def cause_of(text: str) -> str:
    """Which kind of failure a message tells of."""
    for name, pattern in _CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return name
    return "failed"


def remedy_of(cause: str) -> str:
    """What to do."""
    return {
        "disk_full": tr("Free some space or choose another folder."),
        "busy": tr("Close the other program that uses the receiver; it is tried again by itself."),
        "driver_missing": tr("Run 'sdr-detect doctor': it names the missing part."),
        "unplugged": tr("Check USB lead and power, or the network; it is tried again by itself."),
        "no_device": tr(
            "Check that the receiver is attached, and its address; 'sdr-detect devices'."
        ),
        "crashed": tr("It is started again by itself."),
        "failed": tr("Read the message; 'sdr-detect doctor' checks this computer."),
    }[cause]


def assess(facts: Facts) -> Assessment:
    """Judge what the window knows."""
    found: list[Condition] = []
    state = facts.state
    if facts.exit_code is not None and not facts.ended:
        found.append(_dead(facts))
    elif state is not None and state.health.lost_reason and not state.final:
        cause = cause_of(state.health.lost_reason)
        cause = "unplugged" if cause == "failed" else cause
        found.append(Condition(cause, "error", state.health.lost_reason, remedy_of(cause)))
    final = state is not None and state.final
    fresh = facts.age_s is not None and facts.age_s < FRESH_S
    if not fresh and not final and not found:
        found.append(_silent(facts))
    if facts.tuning is not None:
        found += _tuned(facts.tuning, facts.mode)
    if state is not None and fresh:
        found += _clipped(state)
        found += _losing(state)
    if facts.disk_free_bytes is not None and facts.disk_free_bytes < LEAST_FREE_BYTES:
        free = facts.disk_free_bytes / 1e9
        text = tr("The disk is nearly full: {free:.1f} GB are left.").format(free=free)
        found.append(Condition("disk_full", "warning", text, remedy_of("disk_full")))
    valid = state is not None and (final or (fresh and not _serious(found)))
    word: Word = state.verdict.verdict if state is not None and valid else "none"
    return Assessment(fresh, word, tuple(found))


def _serious(found: list[Condition]) -> bool:
    return any(condition.severity == "error" for condition in found)


def _dead(facts: Facts) -> Condition:
    cause = cause_of(facts.last_words)
    said = facts.last_words or tr("it said nothing")
    text = tr("The receiving process ended (exit code {code}): {said}")
    return Condition(cause, "error", text.format(code=facts.exit_code, said=said), remedy_of(cause))


def _silent(facts: Facts) -> Condition:
    if facts.age_s is not None:
        text = tr("No data for {age:.0f} s. The plot is FROZEN and not used for the verdict.")
        return Condition("stale", "error", text.format(age=facts.age_s), remedy_of("unplugged"))
    if facts.last_words and cause_of(facts.last_words) != "failed":
        cause = cause_of(facts.last_words)
        return Condition(cause, "error", facts.last_words, remedy_of(cause))
    text = tr("Waiting for the first data ({waited:.0f} s).").format(waited=facts.waited_s)
    remedy = tr("The first start takes up to half a minute on a slow computer.")
    return Condition("starting", "info", text, remedy)


def _tuned(tuning: view.Tuning, mode: Mode) -> list[Condition]:
    found = []
    center = tuning.center_hz
    if center is None:
        found.append(
            Condition(
                "no_rf",
                "warning",
                tr("The frequency on air is not known."),
                tr("State it: --rf HZ, or --if HZ with --converter NAME."),
            )
        )
    elif not tuning.rf_lower_hz <= center <= tuning.rf_upper_hz:
        text = tr("{center:.1f} MHz lies outside what converter {name} is made for: wrong LO?")
        found.append(
            Condition(
                "wrong_lo",
                "warning",
                text.format(center=center / 1e6, name=tuning.converter),
                tr("Compare the converter's label with --converter; 'sdr-detect doctor'."),
            )
        )
    if mode == "live" and tuning.time_error_ns is None:
        found.append(
            Condition(
                "no_time",
                "info",
                tr("No time source: the error of UTC is unknown."),
                tr("Synchronise this computer's clock (NTP or GPS)."),
            )
        )
    if mode == "live" and tuning.dbm_offset_db is None:
        found.append(
            Condition(
                "uncalibrated",
                "info",
                tr("Levels are dBFS, not calibrated."),
                tr("'sdr-detect calibrate' makes a file, which --calibration takes."),
            )
        )
    return found


def _clipped(state: view.State) -> list[Condition]:
    share = state.health.clipped_share
    if share is None or share < CLIPPED_SHARE:
        return []
    text = tr("The receiver is OVERLOADED: {share:.0%} of the samples clip.")
    remedy = tr("Reduce the gain, or put an attenuator before the receiver.")
    return [Condition("overload", "warning", text.format(share=share), remedy)]


def _losing(state: view.State) -> list[Condition]:
    """Samples that are lost, but for those that a receiver drops when it is retuned."""
    said = state.verdict
    whole_s = said.analysed_s + said.blind_s
    if state.sweep is not None or said.blind_s < BLIND_SHARE * whole_s or not said.blind_s:
        return []
    text = tr("SAMPLES WERE LOST: for {share:.0%} of the time nothing was heard.")
    remedy = tr("Close other programs, use another USB port, or lower the sample rate.")
    return [Condition("losing", "warning", text.format(share=said.blind_s / whole_s), remedy)]
