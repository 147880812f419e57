"""``sdr-detect verify``: whether a sealed package is as it was sealed."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdr_detect.commands import _exit
from sdr_detect.commands._text import plain

if TYPE_CHECKING:
    from sdr_detect.evidence.recompute import Recomputed
    from sdr_detect.evidence.verify import Verification


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("verify")(verify)


def verify(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE")],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE.seal.pub", help="Public key of the expected sealer."),
    ] = None,
    tsa: Annotated[
        Path | None,
        typer.Option("--tsa", metavar="FILE.pem", help="Certificates of trusted time stampers."),
    ] = None,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Analyse the raw samples again and compare.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Check a sealed package: structure, contents, signature, custody log, numbers.

    Needs no network. Nothing in the package is executed or unpacked. Exit code: 0 it
    is as it was sealed, 1 it is not, or numbers came out differently.

    Example: sdr-detect verify visit.sdrcase --key inspector.seal.pub --recompute
    """
    from sdr_detect.commands._interrupt import stop_on_interrupt
    from sdr_detect.evidence import signing
    from sdr_detect.evidence.recompute import recompute as again
    from sdr_detect.evidence.verify import verify as check

    public = None if key is None else signing.read_public(key)
    result = check(package, public, () if tsa is None else signing.read_certificates(tsa))
    numbers = None
    if recompute and result.ok:
        with stop_on_interrupt() as stop:
            numbers = again(result, stop=stop)
    if json:
        print(json_module.dumps(_document(result, numbers), ensure_ascii=False))
    else:
        _show(result, numbers, asked=recompute)
    if not result.ok or (numbers is not None and numbers.difference_count):
        raise typer.Exit(_exit.FAILURE)


def _show(result: Verification, numbers: Recomputed | None, *, asked: bool) -> None:
    print(plain(str(result.path)))
    for text in result.checked:
        print(plain(f"  in order   {text}"))
    for finding in result.findings:
        print(plain(f"  WRONG      {finding}"))
    if numbers is not None:
        _show_numbers(numbers)
    elif asked:
        print("  not done   recomputation: the package is not as it was sealed")
    for text in result.meaning():
        print(plain(text))


def _show_numbers(numbers: Recomputed) -> None:
    how = "byte for byte, same build" if numbers.same_build else "another build, within tolerance"
    word = "WRONG      " if numbers.difference_count else "in order   "
    print(
        f"  {word}recomputed: {numbers.compared} lines and values ({how}), "
        f"{numbers.difference_count} differ"
    )
    for text in numbers.differences:
        print(plain(f"    {text}"))


def _document(result: Verification, numbers: Recomputed | None) -> dict[str, Any]:
    from sdr_detect.evidence.signing import fingerprint

    signer = result.signer
    return {
        "type": "verification",
        "path": str(result.path),
        "ok": result.ok,
        "manifest_sha256": result.manifest_sha256 or None,
        "signed_utc": None if signer is None else signer.signed_utc,
        "key_fingerprint": None if signer is None else fingerprint(signer.key),
        "key_given": result.key_given,
        "timestamp_utc": None if result.stamp is None else result.stamp.at_utc,
        "checked": result.checked,
        "findings": [{"where": f.where, "what": f.what} for f in result.findings],
        "meaning": list(result.meaning()),
        "recomputed": None
        if numbers is None
        else {
            "same_build": numbers.same_build,
            "compared": numbers.compared,
            "difference_count": numbers.difference_count,
            "differences": numbers.differences,
        },
    }
