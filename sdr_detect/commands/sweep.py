"""``sdr-detect sweep``: plan and run a watch over more than one slice."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdr_detect.commands import _exit, _hand, _keep
from sdr_detect.commands._calibration_options import (
    Calibrating,
    CalibrationOption,
    GainOption,
    calibration_from_options,
)
from sdr_detect.commands._curve_options import CurveAllowOption, CurveKeyOption, publisher_keys
from sdr_detect.commands._live_options import (
    AttendedOption,
    FolderOption,
    GiveUpOption,
    KeepTryingOption,
    PreTriggerOption,
)
from sdr_detect.commands._output import (
    ConfigOption,
    FailOnDetectOption,
    JsonOption,
    MaxBurstsOption,
    SetOption,
    json_output,
)
from sdr_detect.commands._recording_options import ConverterOption, RateOption
from sdr_detect.commands._sweep_plan import Asked, MadePlan, StrategyName, assumed, receiver_of

if TYPE_CHECKING:
    from sdr_detect.commands._watch import Watch
    from sdr_detect.curve import PublisherKeys
    from sdr_detect.rawblock import Block
    from sdr_detect.registry import SourceOptions
    from sdr_detect.resume import Policy
    from sdr_detect.scan.strategy import Adaptive
    from sdr_detect.settings import Settings
    from sdr_detect.sinks.by_hand import ByHand
    from sdr_detect.sinks.keeper import Keeper
    from sdr_detect.tour import TouringSource
    from sdr_detect.view import SweepPart

#: Watch lengths for which a plan tells the probability of intercept.
_TIMES_S = (0.1, 1.0, 10.0, 60.0, 300.0)

#: Stream time between two looks of an adaptive sweep at what was found.
_LOOK_S = 0.1


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("sweep")(sweep)


def sweep(
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="URI", help="A receiver, or sim://SCENE.toml."),
    ] = None,
    strategy: Annotated[
        StrategyName,
        typer.Option(
            "--strategy",
            help="park on one slice; scan side by side; comb, one slice a channel; adaptive, back "
            "to where it is suspicious; hop, each channel once between reassignments.",
        ),
    ] = StrategyName.comb,
    system: Annotated[
        str, typer.Option("--system", help="Whose channels, by the profile's system.")
    ] = "starlink",
    rf_range: Annotated[
        list[str] | None,
        typer.Option("--rf-range", metavar="A:B", help="Only this RF range, Hz; repeatable."),
    ] = None,
    dwell: Annotated[
        float, typer.Option("--dwell", metavar="S", min=0.005, max=60, help="Stay at each stop.")
    ] = 0.1,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="S", min=0.1, help="End after so much stream time."),
    ] = None,
    avoid: Annotated[
        list[str] | None,
        typer.Option("--avoid", metavar="A:B", help="Keep off this IF range, Hz; repeatable."),
    ] = None,
    settle: Annotated[
        float,
        typer.Option(
            "--settle", metavar="S", min=0, max=5, help="Lost at each retune, for the plan."
        ),
    ] = 0.008,
    plan_only: Annotated[
        bool, typer.Option("--plan-only", help="Print the plan; no receiver is needed.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="NAME.sigmf-meta",
            help="Record all that is heard, as SigMF: a capture for each stop.",
        ),
    ] = None,
    publish_view: Annotated[
        str | None,
        typer.Option("--publish-view", metavar="ENDPOINT", help="Where 'gui' may look on."),
    ] = None,
    folder: FolderOption = None,
    pre_trigger: PreTriggerOption = None,
    attended: AttendedOption = False,
    json: JsonOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    fail_on_detect: FailOnDetectOption = False,
    max_bursts: MaxBurstsOption = 10_000,
    give_up: GiveUpOption = None,
    keep_trying: KeepTryingOption = False,
    rate: RateOption = None,
    converter: ConverterOption = None,
    calibration: CalibrationOption = None,
    gain: GainOption = None,
    curve_key: CurveKeyOption = None,
    curve_allow: CurveAllowOption = None,
) -> None:
    """Plan a watch over several channels, run it, and tell what each channel got.

    Events come as from 'monitor'. Before the verdict a 'coverage' line tells for
    each channel how long it was watched, how often, and the probability that a
    terminal on the air was met there. Times count samples, not the clock. What
    --record writes, 'analyze' hears as the sweep did.

    Example: sdr-detect sweep --plan-only --strategy comb --dwell 0.1 --converter ku-12.80

    Example: sdr-detect sweep --source rtlsdr://0 --converter ku-12.80 --seconds 60
    """
    if source is None and not plan_only:
        raise typer.BadParameter("give --source URI, or --plan-only")
    from sdr_detect.analysis import resolve_settings
    from sdr_detect.resume import Policy

    settings = resolve_settings(config, sets or ())
    asked = Asked(strategy, system, tuple(rf_range or ()), dwell, tuple(avoid or ()), settle)
    tables = json != "-"
    calibrating = calibration_from_options(calibration, gain)
    if plan_only:
        _show_plan(asked.made(assumed(rate, converter, settle)), settings)
        return
    assert source is not None
    keys = publisher_keys(curve_key, curve_allow, publish_view)
    policy = Policy(give_up, keep_trying)
    watched = _Run(asked, source, rate, converter, settings, policy, calibrating)
    watched.lookers = None if publish_view is None else (publish_view, keys)
    watched.attended = attended
    watched.folder, watched.pre_s = folder, pre_trigger
    interrupted = watched.run(json, seconds, max_bursts, record, tables=tables)
    if interrupted:
        raise typer.Exit(_exit.INTERRUPT)
    if fail_on_detect and watched.detected:
        raise typer.Exit(_exit.DETECTED)
    _keep.check(watched.keeper, watched.hand)


def _show_plan(plan: MadePlan, settings: Settings) -> None:
    from sdr_detect.commands import _show, _sweep_show
    from sdr_detect.scan.forecast import forecast

    told = forecast(plan.start(), plan.receiver, plan.model, _TIMES_S, settings)
    shown = _sweep_show.plan(plan.name, plan.stops, plan.receiver, told, plan.left_out)
    _show.console().print(shown)


class _Run:
    """One sweep with a receiver."""

    def __init__(
        self,
        asked: Asked,
        uri: str,
        rate_hz: float | None,
        converter: str | None,
        settings: Settings,
        policy: Policy,
        calibrating: Calibrating,
    ) -> None:
        self._asked, self._uri = asked, uri
        self._rate_hz, self._converter = rate_hz, converter
        self._settings = settings
        self._policy, self._calibrating = policy, calibrating
        self.keeper: Keeper | None = None
        #: What a person lets record, where to, and how much of the past.
        self.hand: ByHand | None = None
        self.folder: Path | None = None
        self.pre_s: float | None = None
        self.detected = False
        self.attended = False
        #: Where windows may look on, and with which keys.
        self.lookers: tuple[str, PublisherKeys | None] | None = None

    def run(
        self, json: str | None, seconds: float | None, cap: int, record: Path | None, *,
        tables: bool,
    ) -> bool:  # fmt: skip
        """Run it to its end; whether it was interrupted."""
        from sdr_detect.commands import _show, _sweep_show
        from sdr_detect.commands._interrupt import stop_on_interrupt
        from sdr_detect.commands._watch import Watch
        from sdr_detect.scan.strategy import Adaptive
        from sdr_detect.tour import TouringSource

        with stop_on_interrupt() as stop, contextlib.ExitStack() as stack:
            self.keeper = _keep.begin(stack, record)
            self.hand = hand = _keep.by_hand(stack, self.folder, self.pre_s, self.keeper)
            watch = Watch(
                self._uri, self._options(), self._settings, self._policy, stop, self._calibrating
            )
            stack.callback(watch.driver.close)
            plan = self._asked.made(receiver_of(watch.driver.info, self._asked.settle_s))
            if tables:
                _show_plan(plan, self._settings)
            strategy = plan.start()
            watch.driver = tour = TouringSource(watch.driver, strategy, seconds)
            if self.lookers is not None:
                recorder = None if hand is None else hand.status
                watch.show(*self.lookers, recorder=recorder, sweep=lambda: _part(plan, tour))
            _hand.listen(hand, stop, attended=self.attended)
            guide = _Guide(watch, strategy) if isinstance(strategy, Adaptive) else None
            out = stack.enter_context(json_output(json))
            try:
                keeper = hand or self.keeper
                watch.run(out, stop, tables=tables, cap=cap, keeper=keeper, extra=guide)
            finally:
                watch.conclude(None, tables=tables)
                if tables and watch.found.coverage is not None:
                    _show.console().print(_sweep_show.channels(watch.found.coverage.channels))
            self.detected = watch.detected
            return stop.is_set()

    def _options(self) -> SourceOptions:
        """A receiver is opened at the first stop; a scene states its own centre."""
        from sdr_detect.commands._recording_options import spec_from_options
        from sdr_detect.registry import Liveness, SourceOptions, liveness

        if liveness(self._uri) is Liveness.REPLAY:
            if self._rate_hz is not None or self._converter is not None:
                raise typer.BadParameter("a scene says rate and converter; leave both out")
            return SourceOptions()
        first = self._asked.made(assumed(self._rate_hz, self._converter, 0.0)).stops[0]
        spec = spec_from_options(None, self._rate_hz, first.rf_hz, None, self._converter)
        return SourceOptions(spec)


def _part(plan: MadePlan, tour: TouringSource) -> SweepPart:
    """How the sweep stands, for windows."""
    import math

    from sdr_detect.view import SweepPart

    dwell_s = plan.stops[0].dwell_s
    return SweepPart(
        strategy=plan.name,
        stops=len(plan.stops),
        dwell_s=dwell_s if math.isfinite(dwell_s) else None,
        moves=tour.moves,
        lower_hz=min(plan.model.channels_hz[0][0], *(stop.rf_hz for stop in plan.stops)),
        upper_hz=max(plan.model.channels_hz[-1][1], *(stop.rf_hz for stop in plan.stops)),
    )


class _Guide:
    """Tells an adaptive strategy what the pipeline holds for a terminal."""

    def __init__(self, watch: Watch, strategy: Adaptive) -> None:
        self._pipeline, self._strategy = watch.pipeline, strategy
        self._due = 0

    def take(self, block: Block) -> None:
        """Look at the pipeline every dwell."""
        from sdr_detect.scan.strategy import evidence

        if block.first_sample < self._due:
            return
        self._due = block.first_sample + round(_LOOK_S * block.info.sample_rate_hz)
        self._strategy.observe(evidence(self._pipeline.snapshot().tracks, block.info))
