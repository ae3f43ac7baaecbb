{# All rows of an input in the contract's columns, as text, each with the file
   (or table) and the row it came from; record_problem says what is wrong with a
   record that could not be cut into the contract's columns. What nobody sees is taken
   off every text, and invisible_characters says of which keys. #}
{% macro input_rows(input) %}
    select
        {%- for column in input_contract()[input] %}
        {{ without_invisible(column) }} as {{ column }},
        {%- endfor %}
        source_file,
        source_row,
        {{ without_invisible("record_problem") }} as record_problem,
        {{ invisible_characters_of(input_contract()[input]) }} as invisible_characters,
    from (
        {{- given_rows(input) }}
    )
{%- endmacro %}

{% macro given_rows(input) %}
    {%- for mode in input_modes(input) %}
    {%- if mode == "demo" %}
    {{ contract_rows(input, ref("demo_" ~ input), "seeds/demo/demo_" ~ input ~ ".csv", {}) }}
    {%- elif mode == "tables" %}
    {%- set relation = source("warehouse", input) %}
    {{ contract_rows(input, relation, relation | string | replace('"', ''), var("columns").get(input, {})) }}
    {%- elif mode == "files" %}
    {{ publisher_rows(input) }}
    {%- else %}
    {{ no_rows(input) }}
    {%- endif %}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
{% endmacro %}

{# The rows of a table that has the contract's layout. `names` says where a name
   differs; a column that may be null may also be absent. #}
{% macro contract_rows(input, relation, source_file, names) %}
    {%- set present = relation_columns(relation) %}
    select
        {%- for column, need in input_contract()[input].items() %}
        {%- set name = names.get(column, column) %}
        {%- if name is none or (need == "optional" and name | lower not in present) %}
        cast(null as {{ dbt.type_string() }}) as {{ column }},
        {%- else %}
        nullif(trim(cast({{ adapter.quote(name) }} as {{ dbt.type_string() }})), '') as {{ column }},
        {%- endif %}
        {%- endfor %}
        '{{ source_file | replace("'", "''") }}' as source_file,
        row_number() over () + 1 as source_row,
        cast(null as {{ dbt.type_string() }}) as record_problem,
    from {{ relation }}
{%- endmacro %}

{# An input that is not used. #}
{% macro no_rows(input) %}
    select
        {%- for column in input_contract()[input] %}
        cast(null as {{ dbt.type_string() }}) as {{ column }},
        {%- endfor %}
        cast(null as {{ dbt.type_string() }}) as source_file,
        cast(null as {{ dbt.type_int() }}) as source_row,
        cast(null as {{ dbt.type_string() }}) as record_problem,
    where false
{%- endmacro %}

{# The rows of an input whose files staging has read in the publishers' formats. #}
{% macro publisher_rows(input) %}
    {%- set model = {
        "noc_structure": "stg_noc__structure",
        "noc_onet_crosswalk": "stg_noc__onet_crosswalk",
        "oasis_profiles": "stg_oasis__labels",
        "oasis_example_titles": "stg_oasis__example_titles",
    }.get(input, "stg_files__" ~ input) %}
    select
        {%- for column in input_contract()[input] %}
        {{ column }},
        {%- endfor %}
        source_file,
        source_row,
        {%- if input in ["jobs", "attributes", "authoritative_values"] %}
        record_problem,
        {%- else %}
        cast(null as {{ dbt.type_string() }}) as record_problem,
        {%- endif %}
    from {{ ref(model) }}
{%- endmacro %}

{# The names of a relation's columns in lower case; none before dbt executes. #}
{% macro relation_columns(relation) %}
    {%- set names = [] %}
    {%- if execute %}
    {%- for column in adapter.get_columns_in_relation(relation) %}
    {%- do names.append(column.name | lower) %}
    {%- endfor %}
    {%- endif %}
    {{ return(names) }}
{% endmacro %}
