"""The ledger's schema, version by version, forward only.

A version that was released never changes: what comes next is another version at the end of the
list, whose new columns may be null, so that the hashes of older rows still hold.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, inspect, select

from jobforge.ledger import chain
from jobforge.ledger.dialects import Dialect
from jobforge.ledger.errors import LedgerCorruptError, LedgerError
from jobforge.ledger.tables import schema_version

__all__ = ["CURRENT_VERSION", "MIGRATIONS", "migrate", "version_of"]

_VERSION_1 = (
    "create table schema_version (version integer primary key, applied_at bigint not null)",
    "create table text (sha256 text primary key, content text not null)",
    """create table attempt (
        attempt_no {numbered},
        attempt_id text not null unique,
        request_key text not null,
        run_id text not null,
        mode text not null check (mode in ('live', 'batch')),
        job_id text not null,
        job_digest text not null,
        pack_id text not null,
        domain text not null,
        model_requested text not null,
        model_returned text,
        prompt_version text not null,
        instructions_hash text not null,
        schema_version text not null,
        status text not null,
        http_status bigint,
        reason text,
        request_id text,
        system_fingerprint text,
        prompt_tokens bigint,
        cached_tokens bigint,
        completion_tokens bigint,
        cost_usd double precision,
        price_as_of text,
        latency_ms bigint,
        sent_at bigint not null,
        received_at bigint,
        system_text text not null references text (sha256),
        user_text text not null references text (sha256),
        schema_text text not null references text (sha256),
        parameters_text text not null references text (sha256),
        raw_reply text,
        row_hash text not null
    )""",
    "create index attempt_run on attempt (run_id)",
    "create index attempt_job on attempt (job_id)",
    """create table answer (
        answer_no {numbered},
        attempt_no bigint not null references attempt (attempt_no),
        attribute_id text not null,
        attribute_digest text not null,
        question_key text not null,
        cell_key text not null,
        evidence_hash text not null,
        outcome text not null check (outcome in ('answered', 'refused')),
        value text,
        confidence double precision check (confidence between 0 and 1),
        rationale text,
        row_hash text not null,
        unique (attempt_no, attribute_id),
        check ((outcome = 'answered') = (value is not null)),
        check ((value is null) = (confidence is null)),
        check ((value is null) = (rationale is null))
    )""",
    "create index answer_cell on answer (cell_key)",
    "create index answer_question on answer (question_key)",
    """create table claim (
        cell_key text primary key,
        run_id text not null,
        expires_at bigint not null
    )""",
)

_VERSION_2 = (
    "alter table attempt add column estimated_prompt_tokens bigint",
    "alter table attempt add column estimated_completion_tokens bigint",
    """create table batch (
        local_id text primary key,
        run_id text not null,
        state text not null,
        input_file_id text,
        api_batch_id text,
        created_at bigint not null,
        updated_at bigint not null,
        finished_at bigint
    )""",
    """create table batch_item (
        local_id text not null references batch (local_id),
        custom_id text not null,
        system_text text not null references text (sha256),
        user_text text not null references text (sha256),
        schema_text text not null references text (sha256),
        parameters_text text not null references text (sha256),
        request text not null,
        primary key (local_id, custom_id)
    )""",
    """create table pending_cell (
        cell_key text primary key,
        local_id text not null references batch (local_id)
    )""",
    "create index pending_cell_batch on pending_cell (local_id)",
)

_VERSION_3 = ("alter table attempt add column settled_cells bigint",)

_VERSION_4 = (
    """create table claimant (
        run_id text primary key,
        beat bigint not null,
        beaten_at bigint not null
    )""",
    "insert into claimant select distinct run_id, 0, {steady} from claim",
)

_VERSION_5 = (
    "alter table attempt add column chain_hash text",
    "create table chain_end (attempt_no bigint not null, chain_hash text not null)",
)

_VERSION_6 = (
    "alter table attempt add column cache_write_tokens bigint",
    "alter table attempt add column reasoning_tokens bigint",
)

_VERSION_7 = (
    "alter table attempt add column texts_dropped_at bigint",
    "alter table attempt add column kept_hash text",
    """create table review (
        review_no {numbered},
        review_id text not null unique,
        export_id text,
        job_id text not null,
        attribute_id text not null,
        decision text not null check (decision in ('accept', 'change', 'cannot_say', 'withdraw')),
        value text,
        shown_value text,
        shown_source text,
        shown_model text,
        shown_prompt_version text,
        drawn text check (drawn in ('risk', 'random', 'chosen')),
        weight double precision check (weight > 0),
        reviewer text not null,
        reason text,
        withdraws text,
        decided_at bigint not null,
        row_hash text not null,
        check ((decision in ('accept', 'change')) = (value is not null)),
        check ((decision = 'withdraw') = (withdraws is not null))
    )""",
    """create table history_part (
        part_no {numbered},
        history text not null,
        sequence bigint not null,
        part bigint not null,
        kind text not null check (kind in ('layer', 'changes')),
        dbt_invocation_id text not null,
        recorded_at bigint not null,
        row_count bigint not null,
        content {binary} not null,
        row_hash text not null,
        unique (history, sequence, part)
    )""",
)

MIGRATIONS = (
    _VERSION_1,
    _VERSION_2,
    _VERSION_3,
    _VERSION_4,
    _VERSION_5,
    _VERSION_6,
    _VERSION_7,
)
CURRENT_VERSION = len(MIGRATIONS)

# What follows a version's statements and is no SQL.
_FOLLOW_UPS = {5: chain.begin}


def version_of(connection: Connection, dialect: Dialect) -> int:
    """Return the version of the ledger's schema, 0 where there is no ledger yet.

    Raises LedgerCorruptError where there are tables, but not a ledger's.
    """
    names = inspect(connection).get_table_names(schema=dialect.schema)
    if schema_version.name in names:
        return connection.scalar(select(func.max(schema_version.c.version))) or 0
    if names:
        raise LedgerCorruptError(f"there are tables of something else in it: {', '.join(names)}")
    return 0


def migrate(connection: Connection, dialect: Dialect) -> None:
    """Bring the schema to the current version, in the caller's transaction.

    Raises LedgerError where it is newer than this code.
    """
    dialect.lock_schema(connection)
    found = version_of(connection, dialect)
    if found > CURRENT_VERSION:
        raise LedgerError(
            f"its schema has version {found}, and this jobforge knows versions up to"
            f" {CURRENT_VERSION}: install a newer jobforge"
        )
    for version, statements in enumerate(MIGRATIONS[found:], start=found + 1):
        for statement in statements:
            given = {
                "numbered": dialect.numbered,
                "binary": dialect.binary,
                "steady": dialect.steady(connection),
            }
            connection.exec_driver_sql(statement.format(**given))
        if version in _FOLLOW_UPS:
            _FOLLOW_UPS[version](connection)
        applied = {"version": version, "applied_at": dialect.now(connection)}
        connection.execute(insert(schema_version), applied)
