-- What the model said of a cell that is really missing, beside what people say of it.
with shown as (
    select
        *,
        row_number() over (
            partition by job_number, attribute_number
            order by decided_at desc, review_number desc
        ) as recency,
    from {{ ref("int_review_decisions") }}
    where shown_source = 'LLM' and not is_withdrawn and problem is null
),

reviewed as (
    select
        shown.job_number,
        shown.attribute_number,
        shown.drawn,
        shown.weight,
        attributes.domain,
        attributes.value_type,
        shown.shown_model as model_used,
        shown.shown_prompt_version as prompt_version,
        {{ text_number("shown.job_id") }} as job_hash,
        {{ to_number("shown.shown_value") }}
        - {{ to_number("reviewed_cells.value") }} as error,
        {{ is_right(
            "shown.shown_value", to_number("shown.shown_value"),
            "reviewed_cells.value", to_number("reviewed_cells.value"),
            "attributes.tolerance",
        ) }} as is_right,
    from {{ ref("int_reviewed_cells") }} as reviewed_cells
    inner join shown
        on
            reviewed_cells.job_number = shown.job_number
            and reviewed_cells.attribute_number = shown.attribute_number
    inner join {{ ref("int_attributes") }} as attributes
        on reviewed_cells.attribute_number = attributes.attribute_number
    where shown.recency = 1
)

select * from reviewed
