"""A long live run without hardware: capture and monitor as a user starts them, and what they cost.

A stand-in for the receiver's C library plays a simulated scene over and over under
the real driver. Prints rate, losses, the delay from a sample's arrival to the event
about it, CPU and memory of each process. Needs gcc, and for the HackRF SoapySDR's
module.

    .venv/bin/python scripts/soak.py --receiver hackrf --seconds 600
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TICK_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Receiver:
    """What is run: the stand-in, the URI, and the scene that it hears."""

    library: str
    uri: str
    rate_hz: float
    datatype: str
    scene: str


RECEIVERS = {
    "hackrf": Receiver(
        "hackrf", "soapy://driver=hackrf?rate=20e6", 20e6, "ci8", "starlink_subband_20m"
    ),
    "rtlsdr": Receiver("rtlsdr", "rtlsdr://0?rate=2.4e6", 2.4e6, "cu8", "starlink_parked_2m4"),
}


@dataclass
class Usage:
    """CPU seconds and peak memory of a process and what it started."""

    cpu_s: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)

    def look(self, roots: dict[str, int]) -> None:
        """Take in where they are now."""
        for name, pid in _named(roots):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:  # it has ended
                continue
            self.cpu_s[name] = (int(stat[11]) + int(stat[12])) / TICK_S
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
            self.peak_mib[name] = int(peak.split()[1]) / 1024


def _named(roots: dict[str, int]) -> Iterator[tuple[str, int]]:
    for name, pid in roots.items():
        yield name, pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield f"{name}'s driver", int(child)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receiver", choices=RECEIVERS, default="hackrf")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--scene", help="of recordings/scenes; by default one with a busy terminal")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        receiver = RECEIVERS[arguments.receiver]
        if arguments.scene:
            receiver = replace(receiver, scene=arguments.scene)
        env = stand_in(receiver, folder)
        report(run(receiver, env, f"ipc://{folder}/iq", arguments.seconds), receiver)


def stand_in(receiver: Receiver, folder: Path) -> dict[str, str]:
    """Build the library, render two seconds of the scene; the environment that has both."""
    library = folder / f"lib{receiver.library}.so.0"
    source = ROOT / "tests" / "hardware" / f"fake_{receiver.library}.c"
    build = ["gcc", "-O2", "-shared", "-fPIC", "-pthread", f"-Wl,-soname,{library.name}"]
    subprocess.run([*build, "-o", str(library), str(source), "-lm"], check=True)
    scene = (ROOT / "recordings" / "scenes" / f"{receiver.scene}.toml").read_text()
    lines = [
        "duration_s = 2.0" if line.startswith("duration_s") else line for line in scene.splitlines()
    ]
    (folder / "scene.toml").write_text("\n".join(lines))
    out = folder / "heard.sigmf-meta"
    simulate = ["-m", "sdr_detect", "simulate", str(folder / "scene.toml"), "--out", str(out)]
    subprocess.run([sys.executable, *simulate], check=True, stdout=subprocess.DEVNULL)
    found = json.loads(out.read_text())["global"]["core:datatype"]
    if found != receiver.datatype:
        raise SystemExit(f"{receiver.scene} holds {found}, not {receiver.datatype}")
    upper = receiver.library.upper()
    env = {**os.environ, f"FAKE_{upper}_FILE": str(out.with_suffix(".sigmf-data"))}
    if receiver.library == "hackrf":
        return {**env, "LD_LIBRARY_PATH": str(folder)}
    package = folder / "lib" / "pyrtlsdrlib"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        f"import ctypes\n\ndef load_librtlsdr():\n    return ctypes.CDLL({str(library)!r})\n"
    )
    return {**env, "PYTHONPATH": str(package.parent)}


def run(receiver: Receiver, env: dict[str, str], endpoint: str, seconds: float) -> dict[str, Any]:
    """Capture and monitor for so long; what they said and used."""
    program = [sys.executable, "-m", "sdr_detect"]
    monitor = subprocess.Popen(
        [*program, "monitor", "--subscribe", endpoint, "--json", "-", "--max-bursts", "100000000"],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )
    time.sleep(6)  # a receiver does not wait for who loads his libraries
    tuning = ["--rf", "14.225e9", "--converter", "ku-12.80"]
    capture = subprocess.Popen(
        [*program, "capture", "--source", receiver.uri, *tuning, "--publish", endpoint], env=env
    )
    heard: list[tuple[float, str]] = []
    reader = threading.Thread(target=_read, args=(monitor, heard))
    reader.start()
    usage, began_s = Usage(), time.monotonic()
    roots = {"capture": capture.pid, "monitor": monitor.pid}
    while time.monotonic() - began_s < seconds:
        time.sleep(1)
        usage.look(roots)
    lasted_s = time.monotonic() - began_s
    capture.send_signal(signal.SIGINT)
    capture.wait(60)
    monitor.wait(60)
    reader.join()
    return {"heard": heard, "usage": usage, "lasted_s": lasted_s}


def _read(process: subprocess.Popen[str], heard: list[tuple[float, str]]) -> None:
    assert process.stdout is not None
    heard.extend((time.time(), line) for line in process.stdout)


def report(result: dict[str, Any], receiver: Receiver) -> None:
    """Print the figures."""
    lines = [(at, json.loads(text)) for at, text in result["heard"]]
    start_ns = next(line["start_ns"] for _, line in lines if line["type"] == "recording")
    delays = [
        at - (start_ns / 1e9 + line["stop_s"]) for at, line in lines if line["type"] == "burst"
    ]
    verdict = lines[-1][1]
    lost = sum(line["sample_count"] for _, line in lines if line["type"] == "gap")
    heard_s = verdict["analysed_s"] + verdict["blind_s"]
    print(f"asked for {receiver.rate_hz / 1e6:g} Msps; heard {heard_s:.1f} s of it")
    print(f"lost samples {lost}, blind {verdict['blind_s']:.3f} s, verdict {verdict['verdict']}")
    print(f"{len(delays)} bursts; from the air to the event, seconds:")
    if delays:
        parts = np.percentile(delays, [50, 90, 99, 100])
        print("  median {:.3f}, 90 % {:.3f}, 99 % {:.3f}, largest {:.3f}".format(*parts))
    for name, seconds in result["usage"].cpu_s.items():
        share = seconds / result["lasted_s"]
        print(f"{name}: {share:.1%} of a core, peak {result['usage'].peak_mib[name]:.0f} MiB")


if __name__ == "__main__":
    main()
