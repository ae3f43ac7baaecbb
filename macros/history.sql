{# What a cell's state is made of: what the history compares and keeps of it. A column
   more needs its line here and in jobforge/history/records.py. #}
{% macro cell_state_columns() %}
    {{ return([
        "value",
        "fill_status",
        "fill_reason_code",
        "source_type",
        "source_precedence",
        "dataset",
        "dataset_release",
        "source_record",
        "inheritance_level",
        "model_used",
        "prompt_version",
        "request_id",
        "imputed_at",
        "reviewed_by",
        "reviewed_at",
    ]) }}
{% endmacro %}

{# A number of a cell's state, the same for the same state within a run. How sources are
   ranked is the seed's, and changes no cell: it is kept beside, and not compared. #}
{% macro state_hash(alias, suffix="") -%}
    {{ return(adapter.dispatch("state_hash", "jobforge")(alias, suffix)) }}
{%- endmacro %}

{% macro duckdb__state_hash(alias, suffix) -%}
    hash(
        {%- for name in cell_state_columns() if name != "source_precedence" %}
        {{ alias }}.{{ name }}{{ suffix }}{{ "," if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# A cell's state as columns of a select, each with a comma behind it. #}
{% macro state_columns(alias, from_suffix="", to_suffix="") -%}
    {%- for name in cell_state_columns() -%}
        {{ alias }}.{{ name }}{{ from_suffix }} as {{ name }}{{ to_suffix }},
        {{- "\n        " if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The record that each cell had last: its last change, or else its place in the layer.
   CTEs, ending in last_records; `records` has the columns of history_recorded. #}
{% macro last_records(records) -%}
changed_cells as (
    select
        job_id,
        attribute_id,
        max(record_number) as record_number,
    from {{ records }}
    where change_kind is not null
    group by job_id, attribute_id
),

first_cells as (
    select
        {{ each_of("job_ids") }} as job_id,
        attribute_id,
        record_number,
    from {{ records }}
    where change_kind is null
),

last_records as (
    select
        first_cells.job_id,
        first_cells.attribute_id,
        first_cells.record_number,
    from first_cells
    where not exists (
        select 1 from changed_cells
        where
            changed_cells.job_id = first_cells.job_id
            and changed_cells.attribute_id = first_cells.attribute_id
    )
    union all
    select
        changed_cells.job_id,
        changed_cells.attribute_id,
        changed_cells.record_number,
    from changed_cells
    inner join {{ records }} as records
        on changed_cells.record_number = records.record_number
    where records.change_kind <> 'cell_gone'
)
{%- endmacro %}

{# A row for each item of a list. #}
{% macro each_of(list) -%}
    {{ return(adapter.dispatch("each_of", "jobforge")(list)) }}
{%- endmacro %}

{% macro duckdb__each_of(list) -%}
    unnest({{ list }})
{%- endmacro %}

{# All values of a group as a list, in no order. #}
{% macro list_of(expression) -%}
    {{ return(adapter.dispatch("list_of", "jobforge")(expression)) }}
{%- endmacro %}

{% macro duckdb__list_of(expression) -%}
    list({{ expression }})
{%- endmacro %}

{# The whole layer as it was at the end of a day in UTC (`2026-07-01`) or at a moment
   (`2026-07-01T12:00:00+02:00`), for a from clause: one row per cell, with its state and
   since when it was recorded. Stops where the history begins later. #}
{% macro gold_as_of(moment) %}
    {%- set until = end_of_moment(moment) -%}
    {%- if execute -%}
        {%- do stop_before_history(until, moment) -%}
    {%- endif -%}
(
    with records as (
        select * from {{ ref("history_recorded") }}
        where recorded_at <= cast('{{ until }}' as timestamp with time zone)
        union all
        select * from {{ ref("history_changes") }}
        where recorded_at <= cast('{{ until }}' as timestamp with time zone)
    ),

    {{ last_records("records") }}

    select
        last_records.job_id,
        last_records.attribute_id,
        {{ state_columns("records", "_after") }}
        records.recorded_at,
        records.dbt_invocation_id,
    from last_records
    inner join records
        on last_records.record_number = records.record_number
)
{% endmacro %}

{# A day as its last microsecond in UTC, a moment as it is, in UTC where it has no zone. #}
{% macro end_of_moment(moment) %}
    {% set text = moment | string | trim %}
    {% set datetime = modules.datetime %}
    {% if modules.re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) %}
        {{ return(text ~ " 23:59:59.999999+00:00") }}
    {% elif modules.re.fullmatch(
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
        ~ "(Z|[+-][0-9]{2}:[0-9]{2})?", text
    ) %}
        {% set zoned = modules.re.search("(Z|[+-][0-9]{2}:[0-9]{2})$", text) %}
        {{ return(text | replace("T", " ") | replace("Z", "+00:00")
            ~ ("" if zoned else "+00:00")) }}
    {% endif %}
    {{ stop_for(
        "`" ~ beginning(text) ~ "` is no day such as 2026-07-01 and no moment such as"
        ~ " 2026-07-01T12:00:00+00:00"
    ) }}
{% endmacro %}

{% macro stop_before_history(until, moment) %}
    {% set records = load_relation(ref("history_recorded")) %}
    {% set begins = run_query(
        "select cast(min(recorded_at) as varchar),"
        ~ " min(recorded_at) <= cast('" ~ until ~ "' as timestamp with time zone)"
        ~ " from " ~ records
    ).rows[0] if records else [none, none] %}
    {% if begins[0] is none %}
        {{ stop_for("There is no history of gold yet: dbt build --select history_recorded+") }}
    {% elif not begins[1] %}
        {{ stop_for(
            "The history of gold begins at " ~ begins[0] ~ ": nothing is known of "
            ~ beginning(moment)
        ) }}
    {% endif %}
{% endmacro %}
