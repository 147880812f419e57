"""Calls the command line inside the process of the test."""

from __future__ import annotations

import sys
from typing import NamedTuple

import pytest

from sdr_detect import cli


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Shell:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: object) -> Done:
        self._monkeypatch.setattr(sys, "argv", ["sdr-detect", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = self._capsys.readouterr()
        code = end.value.code
        return Done(code if isinstance(code, int) else int(code is not None), out, err)
