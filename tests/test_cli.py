"""The command line as a whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from sdr_detect import __version__, cli
from sdr_detect.commands import _interrupt
from sdr_detect.errors import ConfigError, FormatError, SourceLost

RUNNER = CliRunner()
VERBS = sorted(
    command.name or "" for command in cli.build_app().registered_commands
) + sorted(group.name or "" for group in cli.build_app().registered_groups)  # fmt: skip


def test_the_verbs_of_the_main_job_are_there() -> None:
    assert {"analyze", "capture", "monitor", "info", "profiles", "simulate"} <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    done = RUNNER.invoke(cli.build_app(), [verb, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert "Example: sdr-detect" in done.output


def test_help_lists_the_verbs() -> None:
    done = RUNNER.invoke(cli.build_app(), ["-h"])
    assert done.exit_code == 0
    for verb in VERBS:
        assert verb in done.output


def test_version() -> None:
    done = RUNNER.invoke(cli.build_app(), ["--version"])
    assert done.output.strip() == f"sdr-detect {__version__}"


@pytest.mark.parametrize("words", [["nonsense"], ["--nonsense"], ["capture"]])
def test_wrong_usage_exits_with_2(words: list[str]) -> None:
    assert RUNNER.invoke(cli.build_app(), words).exit_code == 2


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sdr_detect", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"sdr-detect {__version__}"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("bad", key="a.b"), 2),
        (FormatError("bad", path="x"), 1),
        (SourceLost("bad", uri="x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_exit_codes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fails() -> None:
        raise error

    monkeypatch.setattr(cli, "build_app", lambda: app)
    monkeypatch.setattr(sys, "argv", ["sdr-detect"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
    out, err = capsys.readouterr()
    assert out == ""
    if code != 130:
        assert err == f"sdr-detect: error: {error}\n"


def test_our_own_faults_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fails() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "build_app", lambda: app)
    monkeypatch.setattr(sys, "argv", ["sdr-detect"])
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_two_signals_at_once_are_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with _interrupt.stop_on_interrupt() as stop:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert stop.is_set()
        monkeypatch.setattr(_interrupt, "SAME_S", -1.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert "ended without an answer" in capfd.readouterr().err


def test_a_first_signal_at_an_end_that_was_asked_for_costs_no_answer() -> None:
    with _interrupt.stop_on_interrupt() as stop:
        stop.set()
        os.kill(os.getpid(), signal.SIGINT)
