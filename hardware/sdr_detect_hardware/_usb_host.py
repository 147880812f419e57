"""What keeps a Linux system from handing an RTL-SDR to this program."""

from __future__ import annotations

import os
from pathlib import Path

from sdr_detect.registry import Finding

#: USB identity of the RTL2832U as receivers for DVB-T were sold with it.
_VENDOR = "0bda"
_PRODUCTS = ("2832", "2838")

_TV_DRIVER = "dvb_usb_rtl28xxu"
_RULE_FOLDERS = ("etc/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d")


def findings(root: Path = Path("/")) -> list[Finding]:
    """Kernel driver, udev rules, and access to each dongle that is plugged in.

    Parameters
    ----------
    root : Path
        Where the file system starts.
    """
    return [_tv_driver(root), _udev_rules(root), *_access(root)]


def _tv_driver(root: Path) -> Finding:
    name, modules = "television driver", root / "proc" / "modules"
    loaded = modules.read_text().splitlines() if modules.exists() else []
    if not any(line.startswith(_TV_DRIVER + " ") for line in loaded):
        return Finding(name, "ok", f"{_TV_DRIVER} is not loaded")
    return Finding(
        name,
        "fault",
        f"{_TV_DRIVER} is loaded and takes every RTL-SDR for a television receiver",
        f"echo 'blacklist {_TV_DRIVER}' | sudo tee /etc/modprobe.d/rtl-sdr.conf; "
        f"sudo modprobe -r {_TV_DRIVER}",
    )


def _udev_rules(root: Path) -> Finding:
    for folder in _RULE_FOLDERS:
        for path in sorted((root / folder).glob("*.rules")):
            text = path.read_text(errors="replace").lower()
            if _VENDOR in text and any(product in text for product in _PRODUCTS):
                return Finding("udev rules", "ok", str(path))
    return Finding(
        "udev rules",
        "missing",
        "no rule lets users other than root open an RTL-SDR",
        "sudo apt install librtlsdr0; sudo usermod -aG plugdev $USER; then log in again",
    )


def _access(root: Path) -> list[Finding]:
    found = []
    for device in sorted((root / "sys/bus/usb/devices").glob("*")):
        if _text(device / "idVendor") != _VENDOR or _text(device / "idProduct") not in _PRODUCTS:
            continue
        bus, number = _text(device / "busnum"), _text(device / "devnum")
        node = root / "dev/bus/usb" / bus.zfill(3) / number.zfill(3)
        name = f"access to {device.name}"
        if os.access(node, os.R_OK | os.W_OK):
            found.append(Finding(name, "ok", str(node)))
        else:
            found.append(
                Finding(
                    name,
                    "fault",
                    f"this user may not open {node}",
                    "sudo apt install librtlsdr0; sudo usermod -aG plugdev $USER; log in again "
                    "and plug the device in again",
                )
            )
    return found


def _text(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""
