"""Exit codes of the contract. Usage errors exit with 2 as well; typer does that."""

from __future__ import annotations

FAILURE = 1
CONFIG = 2
DETECTED = 3
INTERRUPT = 130
