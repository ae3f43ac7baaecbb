{# Jobs and attributes go by number between the checked inputs and gold. A run that gives
   a number to another one, and does not build all that stands on the numbers, would join
   one job's values to another. Such tables are dropped in the transaction that numbers
   anew, so that what is built on them stops instead. With --empty nobody has a number,
   and those before are kept. `id` and `number` are columns of `numbered`. #}
{% macro stop_at_former_numbers(numbered, id, number) %}
    {% if not flags.EMPTY %}
        {% set path = {"identifier": numbered.identifier ~ "_numbers"} %}
        {% set former = load_relation(numbered.incorporate(path=path)) %}
        {% if former and run_query(
            "select count(*) from " ~ former ~ " as former inner join " ~ numbered
            ~ " as numbered on former." ~ number ~ " = numbered." ~ number
            ~ " where former." ~ id ~ " <> numbered." ~ id
        ).columns[0].values()[0] %}
            {% do drop_what_stands_on(model.unique_id, numbered.identifier) %}
        {% endif %}
        {% set kept = former or numbered.incorporate(path=path, type="table") %}
        {% if not former %}
            {% do adapter.cache_added(kept) %}
        {% endif %}
        create or replace table {{ kept }} as
        select {{ id }}, {{ number }} from {{ numbered }}
    {% endif %}
{% endmacro %}

{# int_attributes only waits for the jobs: its numbers are its own. #}
{% macro drop_what_stands_on(unique_id, name) %}
    {% set reached = [unique_id] %}
    {% for parent in reached %}
        {% for node in graph.nodes.values()
            if node.resource_type == "model" and parent in node.depends_on.nodes
            and node.name != "int_attributes" and node.unique_id not in reached %}
            {% do reached.append(node.unique_id) %}
        {% endfor %}
    {% endfor %}
    {% set left = [] %}
    {% for id in reached[1:] if graph.nodes[id].fqn[1] == "intermediate" %}
        {% set table = relation_of(graph.nodes[id].name) %}
        {% if table and table.type == "table" %}
            {% do adapter.drop_relation(table) %}
            {% if id not in selected_resources %}
                {% do left.append(table.identifier) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {% if left %}
        {% do warn_of(
            name ~ " gives its numbers to other ids than before, so that "
            ~ left | length ~ " tables that go by them, and that this run does not build, are"
            ~ " dropped (" ~ left[:5] | join(", ") ~ (", …" if left | length > 5 else "")
            ~ "): dbt build --select " ~ name ~ "+"
        ) %}
    {% endif %}
{% endmacro %}
