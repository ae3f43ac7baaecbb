"""The imputation of a warehouse's missing cells: Arrow in, Arrow out.

Every cell of every request leaves as exactly one row, whatever happens. What the ledger can answer
is taken from there, streaming; only what is left is asked, within the caps, and every reply is in
the ledger before its cells leave here.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobforge.answers.bookkeeper import Bookkeeper
from jobforge.answers.claims import Claims
from jobforge.answers.drafts import Drafts
from jobforge.answers.failures import Failures
from jobforge.answers.known import AskAgain, KeptAnswers, OtherCells, Settled, StoredAnswers
from jobforge.answers.outcomes import OUTCOME_SCHEMA, CellOutcome, OutcomeColumns
from jobforge.answers.recorded import Recording
from jobforge.answers.run import Run
from jobforge.batch.asker import BatchAsker
from jobforge.batch.collector import collect_earlier
from jobforge.errors import FatalRunError, InterruptedRunError, SettingsError
from jobforge.ledger import existing_ledger, open_ledger
from jobforge.ledger.secrets import Secrets
from jobforge.live.asker import LiveAsker
from jobforge.money.budget import Budget, Spending
from jobforge.money.calibration import Calibration
from jobforge.money.plan import Planner
from jobforge.money.prices import ModelPrice, PriceTable, resolve_price
from jobforge.progress import Progress
from jobforge.provider.client import request_parameters
from jobforge.provider.connection import Connection
from jobforge.provider.models import ModelFacts, facts_of
from jobforge.reasons import Reason, ReasonCode
from jobforge.redaction import visible
from jobforge.requests.forms import RequestForms
from jobforge.requests.inputs import ArrowRows, Pack, read_packs, read_requests
from jobforge.requests.keys import KeyedRequest, Keyer
from jobforge.requests.limits import AZURE_LIMITS, LIMITS
from jobforge.requests.prompts import definition_text
from jobforge.settings import Settings
from jobforge.summary import GO_ON

if TYPE_CHECKING:
    from jobforge.ledger import Ledger

__all__ = ["impute", "nothing"]

_NO_MODEL = "no model is set: set OPENAI_API_KEY or OPENAI_BASE_URL"
_OFF = Reason(ReasonCode.MODE_OFF, "llm_mode is off")
_PLANNED = Reason(
    ReasonCode.MODE_PLAN, "llm_mode is plan: nothing was asked, llm_mode: live asks for it"
)
_NOT_RECORDED = "no recorded answer"
_INTERRUPTED = "the run was interrupted: what was answered is kept, and `dbt build` goes on there"
_SET_KEY = "set OPENAI_API_KEY or OPENAI_BASE_URL, then `dbt build` asks"
_SET_LIVE = "llm_mode: live asks for what waits"
_MAY_GO_ON = "llm_on_fatal: warn lets the run go on without the rest"
_MEND = f"once that is put right, {GO_ON}"
_REQUESTS_PER_CHUNK = 128
_ROWS_PER_BATCH = 4096

Log = Callable[[str], None]
Chunks = Iterator[list[Settled]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What a call of `impute` was given, and what was made of it."""

    settings: Settings
    prices: PriceTable
    facts: ModelFacts
    connection: Connection | None
    run_id: str
    progress: Progress
    ledger_url: str | None
    log: Log
    warn: Log
    stop: threading.Event
    of_any_model: bool
    on_cost: Callable[[Decimal], object]
    spent: Spending | None

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return self.connection is not None and self.connection.is_local

    def price(self, model: str, *, waiver: bool) -> ModelPrice | None:
        """Return a model's price, None where it may be asked without one."""
        return resolve_price(
            self.prices, model, is_local=self.is_local, waiver=waiver, cost_is_capped=True
        )

    def forms(self, secrets: Secrets) -> RequestForms:
        """Return the forms of the requests, in which no definition shows a secret."""
        # Parameters are no tokens of a prompt, but bytes of the bound that caps go by.
        connection, settings = self.connection, self.settings
        return RequestForms(
            settings,
            request_parameters(connection, settings) if connection else {},
            text_bounds=settings.bounds_texts(self.is_local),
            limits=AZURE_LIMITS if connection and connection.is_azure else LIMITS,
            may_show=lambda attribute: not secrets.stand_in(definition_text(attribute)),
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
    of_any_model: bool = True,
    on_cost: Callable[[Decimal], object] = lambda usd: None,
    spent: Spending | None = None,
) -> pa.RecordBatchReader:
    """Return one row per cell of the requests, with the columns of OUTCOME_SCHEMA.

    The model is asked while the reader is read. prices: the rows of the seed model_prices. cells:
    how many cells the requests have, for the progress line. ledger_url: see `open_ledger`. log:
    gets a line now and then and a summary at the end. warn: gets a fault that every call would
    meet, where the settings let the run go on; `log` where it is not given. Once `stop` is set no
    further request is sent, what is in flight has a moment to come back, and reading on raises
    InterruptedRunError. of_any_model: a run that asks nobody takes the answer of any model; without
    it only those of the settings' own. on_cost: is told at the end what the run took of its cap in
    US dollars, requests that may yet cost something at their worst. spent: what the run has taken
    of its caps before.

    Raises SettingsError, InputError or LedgerError before any call. While it is read, raises
    InputError where a request names an attribute that its pack does not have, LedgerError where
    the ledger fails, and FatalRunError where no call made sense.
    """
    log, warn = _harmless(log), _harmless(warn or log)
    facts = facts_of(prices.to_pylist(), settings.model)
    if settings.reasoning_effort == "auto" and facts.reasoning_effort:
        settings = replace(settings, reasoning_effort=facts.reasoning_effort)
    call = _Call(
        settings=settings,
        facts=facts,
        prices=PriceTable(prices, settings.prices),
        connection=Connection.from_environment(),
        run_id=invocation_id,
        progress=Progress(log, total=cells),
        ledger_url=ledger_url,
        log=log,
        warn=warn,
        stop=stop or threading.Event(),
        of_any_model=of_any_model,
        on_cost=on_cost,
        spent=spent,
    )
    known_packs = read_packs(packs)
    with ExitStack() as stack:
        way = _open(call, stack, recorded_answers)
        kept = stack.pop_all()
    return pa.RecordBatchReader.from_batches(
        OUTCOME_SCHEMA, _batches(call, kept, way, known_packs, requests)
    )


def _harmless(log: Log) -> Log:
    """Return a log that is told what is hidden in a line, or would steer a terminal, as escapes."""
    return lambda line: log(visible(line))


def nothing() -> pa.RecordBatchReader:
    """Return no rows, with the columns of OUTCOME_SCHEMA; nothing is asked."""
    return pa.RecordBatchReader.from_batches(OUTCOME_SCHEMA, iter(()))


def stop_on_cancel(add_callback: Callable[[Callable[[Any], None]], None]) -> threading.Event:
    """Return what `impute` stops at once dbt is cancelled.

    Ctrl-C reaches dbt's main thread only; the thread of a model learns of it by dbt's own event.
    add_callback: registers a callback with dbt's event manager.
    """
    stop = threading.Event()

    def on_event(event: Any) -> None:
        if event.info.name == "LogCancelLine":
            stop.set()

    add_callback(on_event)
    if _is_cancelled():
        stop.set()
    return stop


def _is_cancelled() -> bool:
    # The event comes once, perhaps while the model was compiled: then dbt waits for its end.
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame and frame.f_code.co_name != "_cancel_connections":
        frame = frame.f_back
    return frame is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How a mode works: keys, what is settled before, and what becomes of the rest.

    find: gives what is settled before anybody is asked. instead: gives what is better than no
    answer, where there is something. origin: where answers come from that were there before. start:
    is called before anything is settled. is_live: cells are asked for one after the other.
    """

    keyer: Keyer
    find: Callable[[Sequence[KeyedRequest]], list[Settled]]
    finish: Callable[[Chunks], Generator[Settled]]
    with_evidence: bool = True
    origin: str = "from the ledger"
    start: Callable[[], object] = lambda: None
    instead: Callable[[Settled], Settled] = lambda settled: settled
    is_live: bool = False


def _open(call: _Call, stack: ExitStack, recorded_answers: ArrowRows) -> _Way:
    mode = call.settings.mode
    if mode == "auto":
        mode = "live" if call.connection else "replay"
    if mode == "off":
        return _ask_nobody(call, stack, None, _OFF, _SET_LIVE)
    if mode == "replay":
        reason, advice = Reason(ReasonCode.NOT_RECORDED, _NOT_RECORDED), _SET_LIVE
        if call.settings.mode == "auto":
            text = f"{_NOT_RECORDED}, and {_NO_MODEL}"
            reason, advice = Reason(ReasonCode.NO_CONNECTION, text), _SET_KEY
        return _ask_nobody(call, stack, Recording(recorded_answers), reason, advice)
    if mode == "plan":
        return _plan(call, stack)
    if call.connection is None:
        reason = Reason(ReasonCode.NO_CONNECTION, _NO_MODEL)
        return _ask_nobody(call, stack, None, reason, _SET_KEY)
    return _ask(call, stack, call.connection, in_batches=mode == "batch")


def _ask_nobody(
    call: _Call, stack: ExitStack, recording: Recording | None, reason: Reason, advice: str
) -> _Way:
    ledger = existing_ledger(call.ledger_url)
    if ledger is not None:
        stack.enter_context(ledger)
    keyer = Keyer(call.settings, with_evidence=not call.of_any_model)
    others = OtherCells(keyer, ledger, recording)
    stored = StoredAnswers(ledger, recording, others, of_any_model=call.of_any_model)
    waiting = CellOutcome("awaiting_llm", reason)

    def finish(chunks: Chunks) -> Generator[Settled]:
        for settled in chain.from_iterable(chunks):
            if settled.open_ids:
                call.progress.advise(advice)
            rest = dict.fromkeys(settled.open_ids, waiting)
            yield Settled(settled.keyed, settled.outcomes | rest, ())

    return _Way(
        keyer=keyer,
        find=stored.find,
        finish=finish,
        with_evidence=not call.of_any_model,
        origin="from the recording or the ledger" if recording else "from the ledger",
    )


def _check_end(call: _Call) -> None:
    """Say that the model ends soon; raise SettingsError where it has ended."""
    if call.connection is not None and not call.connection.is_openais_own:
        return
    today = datetime.now(UTC).date()
    said = call.facts.end(today)
    if said is not None and call.facts.is_shut_down(today) and call.settings.mode != "plan":
        raise SettingsError(said)
    if said is not None:
        call.warn(said)


def _plan(call: _Call, stack: ExitStack) -> _Way:
    _check_end(call)
    settings = call.settings
    ledger = existing_ledger(call.ledger_url)
    calibration = Calibration()
    if ledger is not None:
        stack.enter_context(ledger)
        calibration = Calibration.from_attempts(ledger.attempts(), settings.model)
    planner = Planner(settings.model, call.price(settings.model, waiver=True), calibration)
    secrets = Secrets()
    drafts = Drafts(call.forms(secrets), secrets)
    keyer = Keyer(settings)
    failures = None
    if ledger is not None:
        failures = Failures(ledger, keyer, settings)

    def check(chunk: list[Settled]) -> list[Settled]:
        made = [part for one in chunk for part in drafts.make(one)]
        return made if failures is None else failures.check(made)

    def finish(chunks: Chunks) -> Generator[Settled]:
        for settled in chain.from_iterable(map(check, chunks)):
            rest = {
                name: replace(outcome, **asdict(planner.nothing))
                for name, outcome in settled.outcomes.items()
                if outcome.outcome == "awaiting_llm"
            }
            if settled.form is not None:
                planned = planner.plan(len(settled.open_ids), settled.form.estimate)
                outcome = CellOutcome("awaiting_llm", _PLANNED, **asdict(planned.share()))
                rest |= dict.fromkeys(settled.open_ids, outcome)
                call.progress.advise(_SET_LIVE)
            yield Settled(settled.keyed, settled.outcomes | rest, ())
        call.log("\n".join(planner.summary(settings)))

    others = OtherCells(keyer, ledger)
    if ledger is None:
        return _Way(keyer=keyer, find=StoredAnswers(None, None, others).find, finish=finish)
    kept = KeptAnswers(ledger, AskAgain.of(settings), others)
    return _Way(keyer=keyer, find=kept.find, finish=finish, instead=kept.in_place_of_none)


def _drop_old_texts(call: _Call, ledger: Ledger) -> None:
    days = call.settings.keep_texts_days
    if days is None:
        return
    dropped = ledger.drop_texts(datetime.now(UTC) - timedelta(days=days))
    if dropped:
        call.log(
            f"the messages and replies of {dropped:,} attempts are older than {days} days"
            " (llm_keep_texts_days): dropped; their answers, hashes and costs stay"
        )


def _ask(call: _Call, stack: ExitStack, connection: Connection, *, in_batches: bool) -> _Way:
    _check_end(call)
    settings = call.settings
    price = call.price(settings.model, waiver=settings.price_waiver)
    ledger = stack.enter_context(
        open_ledger(call.ledger_url, patience_seconds=settings.ledger_wait_seconds)
    )
    _drop_old_texts(call, ledger)
    again = AskAgain.of(settings)
    keyer = Keyer(settings)
    secrets = Secrets(*connection.secrets)
    forms = call.forms(secrets)
    awaited: set[str] = set()
    budget = Budget(settings, price, batch=in_batches, before=call.spent)
    stack.callback(lambda: call.on_cost(budget.committed_usd))
    run = Run(
        run_id=call.run_id,
        settings=settings,
        connection=connection,
        ledger=ledger,
        claims=stack.enter_context(Claims(ledger, call.run_id, again)),
        kept=KeptAnswers(ledger, again, OtherCells(keyer, ledger), awaited),
        failures=Failures(ledger, keyer, settings),
        books=Bookkeeper(
            ledger=ledger, keyer=keyer, run_id=call.run_id, price=price, progress=call.progress
        ),
        budget=budget,
        price_of=lambda model: call.price(model, waiver=True),
        forms=forms,
        drafts=Drafts(forms, secrets),
        log=call.log,
        stop=call.stop,
    )
    asker = BatchAsker(run, awaited) if in_batches else LiveAsker(run)
    return _Way(
        keyer=keyer,
        find=run.kept.find,
        finish=asker.ask,
        # What was paid for is collected whichever way this run asks.
        start=asker.collect if isinstance(asker, BatchAsker) else partial(collect_earlier, run),
        instead=run.kept.in_place_of_none,
        is_live=not in_batches,
    )


def _batches(
    call: _Call, kept: ExitStack, way: _Way, packs: dict[str, Pack], requests: ArrowRows
) -> Iterator[pa.RecordBatch]:
    with kept:
        columns = OutcomeColumns(call.run_id)
        try:
            way.start()
            # dbt keeps much in memory: looking through it again and again is a fifth of the work.
            gc.freeze()
            ticks: AbstractContextManager[object] = nullcontext()
            if way.is_live:
                ticks = call.progress.ticking()
            # Closed at once where this ends early: what is in flight comes back and is recorded.
            with ticks, closing(way.finish(_chunks(call, way, packs, requests))) as finished:
                for settled in _warn_at_last(call, finished):
                    if call.stop.is_set():
                        call.progress.advise(GO_ON)
                        raise InterruptedRunError(_INTERRUPTED)
                    _count(call, way, settled)
                    settled = way.instead(settled)
                    job, pack_id = settled.keyed.request.job, settled.keyed.request.pack_id
                    for name, outcome in settled.outcomes.items():
                        key = settled.keyed.cells[name].question_key
                        columns.add(job.job_id, name, pack_id, key, outcome)
                    if len(columns) >= _ROWS_PER_BATCH:
                        yield columns.take()
            yield columns.take()
        finally:
            # A run that fails has a summary too, and takes its bar off the terminal.
            call.progress.finish()
            gc.unfreeze()


def _warn_at_last(call: _Call, finished: Iterator[Settled]) -> Iterator[Settled]:
    """Yield what is finished; a fatal fault at its end fails the run or is a warning."""
    try:
        yield from finished
    except FatalRunError as error:
        call.progress.advise(_MEND)
        if call.settings.on_fatal == "fail":
            raise FatalRunError(f"{error}; {_MAY_GO_ON}") from None
        call.warn(f"LLM: {error}")


def _chunks(call: _Call, way: _Way, packs: dict[str, Pack], requests: ArrowRows) -> Chunks:
    rows = read_requests(requests, with_evidence=way.with_evidence)
    keyed = (
        way.keyer.keyed(request, packs.get(request.pack_id, Pack(request.pack_id, ())))
        for request in rows
        if request.attribute_ids
    )
    while chunk := list(islice(keyed, _REQUESTS_PER_CHUNK)):
        settled = way.find(chunk)
        if way.is_live and any(one.open_ids for one in settled):
            call.progress.begin()
        yield settled


def _count(call: _Call, way: _Way, settled: Settled) -> None:
    # Cells that wait for one reason share their outcome, and are counted at once.
    for _, same in groupby(settled.outcomes.values(), key=id):
        outcome, *others = same
        cells = 1 + len(others)
        if outcome.reason is not None:
            call.progress.unanswered(outcome.outcome, outcome.reason, cells, asked=outcome.is_new)
        elif outcome.is_new:
            call.progress.answered("asked now", cells, asked=True)
        else:
            ours = outcome.run_id == call.run_id
            call.progress.answered("from batches" if ours else way.origin, cells)
