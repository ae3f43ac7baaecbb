{# The value that a rationale says comparable jobs have, as text; null where it says none, or not
   in one of these forms, which are read whatever their case and nothing else is:

   - closest (nearest, comparable, similar) jobs (job, occupations, occupation) have (has, had,
     show, shows) 4
   - the same with `a`, `the` or `all`, with `higher`, `lower`, `same` or `similar`, and with
     `value`, `values`, `rating`, `ratings`, `score` or `scores` before the number, which may
     follow `of` or stand in parentheses: closest jobs have a higher value (4)
   - (value 4), (value: 4), (value of 4)

   The number ends what is said, but for `for this attribute` (or `for it`, `for this`): after it
   comes a full stop, a comma, a semicolon, the closing parenthesis or the end. So "closest jobs have a value of 4 for programming", "have 2 to 4",
   "have 4 out of 5" and "have 2 supervisors" are none: a number that may be of something else
   is not read. The schema ends a rationale after 120 characters, within a number too: there the
   end is none. Of several the first one is read. #}
{% macro named_comparable_value(rationale) -%}
    {{ return(adapter.dispatch("named_comparable_value", "jobforge")(rationale)) }}
{%- endmacro %}

{% macro duckdb__named_comparable_value(rationale) -%}
    {%- set jobs = "(?:closest|nearest|comparable|similar) (?:jobs?|occupations?)" -%}
    {%- set have = "(?:all )?(?:have|has|had|shows?)" -%}
    {%- set a_higher = "(?:an? |the )?(?:(?:higher|lower|same|similar) )?" -%}
    {%- set value = "(?:values?|ratings?|scores?)" -%}
    {%- set said = jobs ~ " " ~ have ~ " " ~ a_higher ~ "(?:" ~ value ~ " (?:of )?[(]?)?" -%}
    {%- set in_parentheses = "[(]" ~ value ~ ":? (?:of )?" -%}
    {%- set for_this = "(?: for (?:this attribute|this|it))?" -%}
    nullif(
        regexp_extract(
            {{ rationale }} || case when length({{ rationale }}) < 120 then '.' else '…' end,
            '(?i)(?:\b{{ said }}|{{ in_parentheses }})'
                || '([0-9]+(?:[.][0-9]+)?){{ for_this }}(?:[)]|[.,;]+(?: |$))',
            1
        ),
        ''
    )
{%- endmacro %}
