"""What SoapySDR finds, as one line of JSON: run as a process, because modules crash."""

from __future__ import annotations

import json
import sys
from typing import Any

from sdr_detect.errors import DriverMissing, SourceError
from sdr_detect_hardware._soapy_binding import load_binding


def look() -> dict[str, Any]:
    """The binding, its modules and devices, or why there is none."""
    try:
        binding = load_binding()
        # Looking for devices is what loads the modules.
        devices = binding.enumerate({})
        return {"title": binding.title, "modules": binding.modules(), "devices": devices}
    except DriverMissing as exc:
        return {"missing": str(exc)}
    except SourceError as exc:
        return {"failed": str(exc)}


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(look()) + "\n")
