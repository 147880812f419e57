"""``sdr-detect devices``: the receivers attached to this machine."""

from __future__ import annotations

import sys
from dataclasses import asdict

import typer

from sdr_detect.commands._output import JsonOption, json_output


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("devices")(devices)


def devices(json: JsonOption = None) -> None:
    """List the receivers attached, with the URI that opens each.

    Drivers that are not installed are named on stderr; 'sdr-detect doctor' says
    more. Servers on a network (rtl_tcp) are not searched for.

    Example: sdr-detect devices --json -
    """
    from sdr_detect.registry import probe_devices
    from sdr_detect.sinks.jsonl import JsonLines

    found, faults = probe_devices()
    with json_output(json) as out:
        if out is not None:
            for device in found:
                JsonLines(out).write_object({"type": "device"} | asdict(device))
    if json != "-":
        for device in found:
            print(f"{device.uri:<16} {device.title}, {device.detail}")
        if not found:
            print("no receiver is attached, or no driver sees it")
    for fault in faults:
        print(f"sdr-detect: {fault}", file=sys.stderr)
