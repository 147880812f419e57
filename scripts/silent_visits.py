"""Visits to a quay where nobody transmits: the flow of a case may never say otherwise.

Each visit records towards the vessel, away, towards it again, away again and towards a
neighbour, as the guided flow asks, in noise or beside other emitters, and draws the
conclusion of a case from that; then the same recordings as a proof of silence, after a
positive control. Prints each as it goes and fails if one says "detected".

    .venv/bin/python scripts/silent_visits.py --visits 100
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdr_detect.analysis import analyze_recording
from sdr_detect.catalog import profiles
from sdr_detect.config import read_toml
from sdr_detect.evidence.attribution import Concluded, Heard, conclude, heard
from sdr_detect.formats.find import open_recording
from sdr_detect.settings import Settings
from sdr_detect.simulate.scene import parse_scene
from sdr_detect.simulate.write import write_sigmf

SCENES = Path(__file__).resolve().parents[1] / "recordings" / "scenes"
#: Half of the visits hear noise only; the rest one of these, each of which is no terminal.
OTHERS = (
    "ads_b_dme_2m4", "gsm_2m4", "lte_1m92", "marine_radar_2m4", "marine_radar_750_2m4",
    "starlink_downlink_image_2m4", "overload_2m4",
)  # fmt: skip
TURNS = ("on_target", "off_target", "on_target", "off_target", "neighbour")


def listen(folder: Path, name: str, role: str, minute: int, seed: int, seconds: float) -> Heard:
    """What one recording says, made, read and analysed as a recording of a receiver is."""
    document: dict[str, Any] = read_toml(SCENES / f"{name}.toml")
    document["scene"] |= {
        "duration_s": seconds, "start_utc": f"2026-05-04T08:{minute:02}:00Z", "seed": seed,
    }  # fmt: skip
    path = write_sigmf(parse_scene(document), folder / "x.sigmf-meta", force=True)
    settings = Settings()
    with open_recording(path) as recording:
        result = analyze_recording(recording, settings=settings, profiles=profiles())
    return heard(f"r{minute}", role, result, settings)


def visit(
    folder: Path, number: int, seconds: float, control: Heard
) -> tuple[str, Concluded, Concluded]:
    """The scene, and the conclusions by the inspector's flow and by the operator's."""
    name = "blank_2m4" if number % 2 == 0 else OTHERS[number // 2 % len(OTHERS)]
    found = [
        listen(folder, name, role, minute, 1000 * number + minute, seconds)
        for minute, role in enumerate(TURNS, 1)
    ]
    silent = [replace(one, role="silence") for one in found if one.role == "on_target"]
    return name, conclude(found), conclude([control, *silent])


def main() -> int:
    """Run the visits; 1 if one of them says "detected"."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--visits", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each recording")
    asked = parser.parse_args()
    counts: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="sdr-detect-") as name:
        folder = Path(name)
        control = listen(folder, "starlink_parked_2m4", "control", 0, 1, 0.3)
        print(f"positive control: {control.verdict}", flush=True)
        for number in range(asked.visits):
            scene, visited, silent = visit(folder, number, asked.seconds, control)
            counts[("visit", visited.verdict)] += 1
            counts[("silence", silent.verdict)] += 1
            print(f"{number + 1:4}  {scene:28} {visited.sentence}", flush=True)
            if silent.verdict != visited.verdict:
                print(f"{'':34} as silence: {silent.sentence}", flush=True)
    for (flow, verdict), count in sorted(counts.items()):
        print(f"{flow:8} {verdict:24} {count}")
    print(f"{time.process_time():.0f} s of processor time")
    wrong = sum(count for (_, verdict), count in counts.items() if verdict.startswith("detected"))
    return int(wrong > 0 or control.verdict != "detected")


if __name__ == "__main__":
    sys.exit(main())
