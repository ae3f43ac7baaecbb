"""The imputation of a warehouse's missing cells: Arrow in, Arrow out.

Every cell of every request leaves as exactly one row, whatever happens. What the ledger can answer
is taken from there, streaming; only what is left is asked, within the caps, and every reply is in
the ledger before its cells leave here.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice

import pyarrow as pa

from jobforge.asking import LiveAsker
from jobforge.attempts import existing_ledger
from jobforge.batch_api import BatchApi
from jobforge.batching import BatchAsker
from jobforge.bookkeeping import Bookkeeper
from jobforge.budget import Budget, Caps
from jobforge.claiming import Claims
from jobforge.client import Connection, request_parameters
from jobforge.collecting import BatchCollector
from jobforge.errors import FatalRunError, InterruptedRunError
from jobforge.estimates import Calibration
from jobforge.forms import RequestForms
from jobforge.inputs import ArrowRows, Pack, read_packs, read_requests
from jobforge.ledger import Ledger, open_ledger
from jobforge.outcomes import OUTCOME_SCHEMA, CellOutcome, OutcomeColumns
from jobforge.planning import Planner, RateLimits
from jobforge.prices import ModelPrice, PriceTable, resolve_price
from jobforge.progress import GO_ON, Progress
from jobforge.questions import Keyer
from jobforge.recorded import Recording
from jobforge.secrecy import PromptSecrets
from jobforge.settings import Settings
from jobforge.settling import AskAgain, KeptAnswers, Settled, Settler, StoredAnswers
from jobforge.submitting import BatchSender

__all__ = ["NO_CONNECTION", "impute", "nothing"]

NO_CONNECTION = "no model is set: set OPENAI_API_KEY or OPENAI_BASE_URL"
_PLANNED = "llm_mode is plan: nothing was asked, llm_mode: live asks for it"
_INTERRUPTED = "the run was interrupted: what was answered is kept, and `dbt build` goes on there"
_SET_KEY = "set OPENAI_API_KEY or OPENAI_BASE_URL, then `dbt build` asks"
_SET_LIVE = "llm_mode: live asks for what waits"
_MAY_GO_ON = "llm_on_fatal: warn lets the run go on without the rest"
_MEND = f"once that is put right, {GO_ON}"
_REQUESTS_PER_CHUNK = 128
_ROWS_PER_BATCH = 4096

Log = Callable[[str], None]
Chunks = Iterator[list[Settled]]


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run has at hand."""

    settings: Settings
    prices: PriceTable
    connection: Connection | None
    run_id: str
    progress: Progress
    ledger_url: str | None
    log: Log
    warn: Log
    stop: threading.Event
    caps: Caps
    limits: RateLimits

    @property
    def bounds_texts(self) -> bool:
        """Whether schemas bound texts."""
        return self.settings.bounds_texts(bool(self.connection and self.connection.is_local))

    def price(self, model: str, *, waiver: bool) -> ModelPrice | None:
        """Return a model's price, None where it may be asked without one."""
        is_local = bool(self.connection and self.connection.is_local)
        return resolve_price(
            self.prices, model, is_local=is_local, waiver=waiver, cost_is_capped=True
        )


def impute(
    packs: ArrowRows,
    requests: ArrowRows,
    recorded_answers: ArrowRows,
    prices: pa.Table,
    settings: Settings,
    *,
    invocation_id: str,
    log: Log,
    warn: Log | None = None,
    cells: int | None = None,
    ledger_url: str | None = None,
    stop: threading.Event | None = None,
) -> pa.RecordBatchReader:
    """Return one row per cell of the requests, with the columns of OUTCOME_SCHEMA.

    The model is asked while the reader is read. prices: the rows of the seed model_prices. cells:
    how many cells the requests have, for the progress line. ledger_url: see `open_ledger`. log:
    gets a line now and then and a summary at the end. warn: gets a fault that every call would
    meet, where the settings let the run go on; `log` where it is not given. Once `stop` is set no
    further request is sent, what is in flight has a moment to come back, and reading on raises
    InterruptedRunError.

    Raises SettingsError, InputError or LedgerError before any call. While it is read, raises
    InputError where a request names an attribute that its pack does not have, LedgerError where
    the ledger fails, and FatalRunError where no call made sense.
    """
    run = _Run(
        settings,
        PriceTable.from_rows(prices, settings.prices),
        Connection.from_environment(),
        invocation_id,
        Progress(log, total=cells),
        ledger_url,
        log,
        warn or log,
        stop or threading.Event(),
        Caps(settings.max_cost_usd, settings.max_calls, settings.max_tokens),
        RateLimits(settings.requests_per_minute, settings.tokens_per_minute),
    )
    known_packs = read_packs(packs)
    stack = ExitStack()
    with stack:
        opened = _opened(run, stack, recorded_answers)
        kept = stack.pop_all()
    return pa.RecordBatchReader.from_batches(
        OUTCOME_SCHEMA, _batches(run, kept, opened, known_packs, requests)
    )


def nothing() -> pa.RecordBatchReader:
    """Return no rows, with the columns of OUTCOME_SCHEMA; nothing is asked."""
    return pa.RecordBatchReader.from_batches(OUTCOME_SCHEMA, iter(()))


@dataclass(frozen=True, slots=True)
class _Opened:
    """How a mode works: keys, what is settled before, and what becomes of the rest.

    instead: gives what is better than no answer, where there is something.
    origin: where answers come from that were there before.
    start: is called before anything is settled. is_live: cells are asked for one after the other.
    """

    keyer: Keyer
    settler: Settler
    finish: Callable[[Chunks], Generator[Settled]]
    with_evidence: bool
    origin: str
    start: Callable[[], object] = lambda: None
    instead: Callable[[Settled], Settled] = lambda settled: settled
    is_live: bool = False


def _opened(run: _Run, stack: ExitStack, recorded_answers: ArrowRows) -> _Opened:
    mode = run.settings.mode
    if mode == "auto":
        mode = "live" if run.connection else "replay"
    if mode in ("live", "batch") and run.connection is None:
        return _asking_nobody(run, stack, None, NO_CONNECTION, _SET_KEY)
    if mode == "off":
        return _asking_nobody(run, stack, None, "llm_mode is off", _SET_LIVE)
    if mode == "replay":
        reason, advice = "no recorded answer", _SET_LIVE
        if run.settings.mode == "auto":
            reason, advice = f"{reason}, and {NO_CONNECTION}", _SET_KEY
        return _asking_nobody(run, stack, Recording(recorded_answers), reason, advice)
    if mode == "plan":
        return _planning(run, stack)
    return _asking(run, stack, in_batches=mode == "batch")


def _asking_nobody(
    run: _Run, stack: ExitStack, recording: Recording | None, reason: str, advice: str
) -> _Opened:
    ledger = existing_ledger(run.ledger_url)
    if ledger is not None:
        stack.enter_context(ledger)
    waiting = CellOutcome("awaiting_llm", reason)

    def finish(chunks: Chunks) -> Generator[Settled]:
        for settled in chain.from_iterable(chunks):
            if settled.open_ids:
                run.progress.advise(advice)
            rest = dict.fromkeys(settled.open_ids, waiting)
            yield Settled(settled.keyed, settled.outcomes | rest, ())

    keyer = Keyer(run.settings, with_evidence=False)
    origin = "from the recording or the ledger" if recording else "from the ledger"
    return _Opened(keyer, StoredAnswers(ledger, recording), finish, False, origin)


def _planning(run: _Run, stack: ExitStack) -> _Opened:
    settings = run.settings
    ledger = existing_ledger(run.ledger_url)
    calibration = Calibration()
    keyer = Keyer(settings)
    if ledger is not None:
        stack.enter_context(ledger)
        calibration = Calibration.from_attempts(ledger.attempts(), settings.model)
    planner = Planner(settings.model, run.price(settings.model, waiver=True), calibration)
    # Parameters are no tokens of a prompt, but bytes of the bound that caps go by.
    parameters = request_parameters(run.connection, settings) if run.connection else {}
    forms = RequestForms(settings, parameters, text_bounds=run.bounds_texts)
    secrets = PromptSecrets()

    def finish(chunks: Chunks) -> Generator[Settled]:
        for settled in map(secrets.settle, chain.from_iterable(chunks)):
            keyed = settled.keyed
            asked = keyed.only(settled.open_ids).request
            planned = planner.plan(asked, forms.of(keyed.pack))
            rest = {
                name: replace(outcome, **asdict(planner.nothing))
                for name, outcome in settled.outcomes.items()
                if outcome.outcome == "awaiting_llm"
            }
            if planned is not None:
                outcome = CellOutcome("awaiting_llm", _PLANNED, **asdict(planned.share()))
                rest |= dict.fromkeys(settled.open_ids, outcome)
                run.progress.advise(_SET_LIVE)
            yield Settled(keyed, settled.outcomes | rest, ())
        run.log("\n".join(planner.summary(run.caps, run.limits)))

    if ledger is None:
        return _Opened(keyer, StoredAnswers(None, None), finish, True, "from the ledger")
    kept = KeptAnswers(ledger, AskAgain.of(settings))
    instead = kept.in_place_of_none
    return _Opened(keyer, kept, finish, True, "from the ledger", instead=instead)


def _asking(run: _Run, stack: ExitStack, *, in_batches: bool) -> _Opened:
    connection = run.connection
    assert connection is not None
    settings = run.settings
    price = run.price(settings.model, waiver=settings.price_waiver)
    ledger: Ledger = stack.enter_context(open_ledger(run.ledger_url))
    again = AskAgain.of(settings)
    claims = stack.enter_context(Claims(ledger, run.run_id, again))
    keyer = Keyer(settings)
    kept = KeptAnswers(ledger, again)
    books = Bookkeeper(ledger, keyer, run.run_id, price, run.progress)
    budget = Budget(run.caps, price, batch=in_batches)
    api = BatchApi(connection, model=settings.model, timeout_seconds=settings.timeout_seconds)
    # What was paid for is collected whichever way this run asks.
    collector = BatchCollector(
        api,
        ledger,
        claims,
        books,
        lambda model: run.price(model, waiver=True),
        run.run_id,
        (connection.api_key,),
        run.log,
        run.stop,
    )
    forms = RequestForms(
        settings, request_parameters(connection, settings), text_bounds=run.bounds_texts
    )
    secrets = PromptSecrets(connection.api_key)
    asker: BatchAsker | LiveAsker
    if in_batches:
        sender = BatchSender(
            forms,
            ledger,
            claims,
            books,
            budget,
            api,
            run.run_id,
            run.log,
            run.stop,
            may_go_on=settings.batch_wait_seconds > 0,
        )
        collector.settle = sender.settle
        asker = BatchAsker(settings, claims, kept, sender, collector, secrets, run.stop)
    else:
        asker = LiveAsker(
            settings,
            connection,
            forms,
            secrets,
            claims,
            kept,
            books,
            budget,
            run.run_id,
            run.log,
            run.stop,
        )

    def start() -> None:
        collector.collect()
        collector.say_what_waits()

    return _Opened(
        keyer,
        kept,
        asker.ask,
        True,
        "from the ledger",
        start,
        kept.in_place_of_none,
        is_live=not in_batches,
    )


def _batches(
    run: _Run, kept: ExitStack, opened: _Opened, packs: dict[str, Pack], requests: ArrowRows
) -> Iterator[pa.RecordBatch]:
    with kept:
        columns = OutcomeColumns(run.run_id)
        try:
            opened.start()
            # dbt keeps much in memory: looking through it again and again is a fifth of the work.
            gc.freeze()
            ticking = run.progress.ticking() if opened.is_live else nullcontext()
            # Closed at once where this ends early: what is in flight comes back and is recorded.
            with ticking, closing(opened.finish(_chunks(run, opened, packs, requests))) as finished:
                for settled in _told(run, finished):
                    if run.stop.is_set():
                        run.progress.advise(GO_ON)
                        raise InterruptedRunError(_INTERRUPTED)
                    _count(run, opened, settled)
                    settled = opened.instead(settled)
                    job, pack_id = settled.keyed.request.job, settled.keyed.request.pack_id
                    for name, outcome in settled.outcomes.items():
                        key = settled.keyed.cells[name].question_key
                        columns.add(job.job_id, name, pack_id, key, outcome)
                    if len(columns) >= _ROWS_PER_BATCH:
                        yield columns.take()
            yield columns.take()
        finally:
            # A run that fails has a summary too, and takes its bar off the terminal.
            run.progress.finish()
            gc.unfreeze()


def _told(run: _Run, finished: Iterator[Settled]) -> Iterator[Settled]:
    """Yield what is finished; a fatal fault at its end fails the run or is a warning."""
    try:
        yield from finished
    except FatalRunError as error:
        run.progress.advise(_MEND)
        if run.settings.on_fatal == "fail":
            raise FatalRunError(f"{error}; {_MAY_GO_ON}") from None
        run.warn(f"LLM: {error}")


def _chunks(run: _Run, opened: _Opened, packs: dict[str, Pack], requests: ArrowRows) -> Chunks:
    rows = read_requests(requests, with_evidence=opened.with_evidence)
    keyed = (
        opened.keyer.keyed(request, packs.get(request.pack_id, Pack(request.pack_id, ())))
        for request in rows
        if request.attribute_ids
    )
    while chunk := list(islice(keyed, _REQUESTS_PER_CHUNK)):
        settled = opened.settler.settle(chunk)
        if opened.is_live and any(one.open_ids for one in settled):
            run.progress.begin()
        yield settled


def _count(run: _Run, opened: _Opened, settled: Settled) -> None:
    for outcome in settled.outcomes.values():
        if outcome.outcome != "answered":
            reason = outcome.reason or ""
            run.progress.unanswered(outcome.outcome, reason, asked=outcome.is_new)
        elif outcome.is_new:
            run.progress.answered("asked now", asked=True)
        else:
            ours = outcome.run_id == run.run_id
            run.progress.answered("from batches" if ours else opened.origin)
