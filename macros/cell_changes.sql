{# The kind of a change, one of seeds/reference/cell_change_kinds.csv: the first that
   holds. The last takes whatever of a state else is different. #}
{% macro change_kind() -%}
    case
        when not was_there then 'new_cell'
        when not is_there then 'cell_gone'
        when
            source_type_after = 'REVIEW'
            or (
                reviewed_by_after is not null
                and (
                    reviewed_by_before is distinct from reviewed_by_after
                    or reviewed_at_before is distinct from reviewed_at_after
                )
            )
            then 'review_given'
        when
            source_type_before = 'REVIEW'
            or (
                reviewed_by_before is not null
                and reviewed_by_after is null
                and value_before = value_after
                and source_type_before = source_type_after
            )
            then 'review_withdrawn'
        when value_before is null and value_after is not null then 'filled'
        when value_before is not null and value_after is null then 'emptied'
        when value_after is null and fill_status_before <> fill_status_after
            then 'status_changed'
        when value_after is null then 'reason_changed'
        when source_type_before <> source_type_after and rank_after < rank_before
            then 'lowered'
        when source_type_before <> source_type_after then 'raised'
        when
            model_used_before is not null
            and (
                model_used_before is distinct from model_used_after
                or prompt_version_before is distinct from prompt_version_after
                or request_id_before is distinct from request_id_after
                or imputed_at_before is distinct from imputed_at_after
            )
            then 're_asked'
        when (dataset_before is distinct from dataset_after) then 'other_record'
        when (dataset_release_before is distinct from dataset_release_after)
            then 'new_release'
        when
            value_before <> value_after
            and not (
                source_record_before is distinct from source_record_after
                or inheritance_level_before is distinct from inheritance_level_after
            )
            then 'value_changed'
        else 'other_record'
    end
{%- endmacro %}

{# Why, for people: what a kind cannot say by itself. #}
{% macro change_reason() -%}
    case change_kind
        when 'new_cell'
            then 'The job or the attribute is new: ' || fill_status_after
        when 'cell_gone'
            then 'The job or the attribute is no longer there; it was '
                || fill_status_before
        when 'review_given'
            then coalesce(reviewed_by_after, 'A person') || case
                when source_type_after = 'REVIEW'
                    then ' gave it where it was '
                        || coalesce(source_type_before, fill_status_before)
                else ' accepted what ' || source_type_after || ' says'
            end
        when 'review_withdrawn'
            then 'The review of ' || coalesce(reviewed_by_before, 'a person')
                || ' no longer holds: ' || coalesce(source_type_after, fill_status_after)
        when 'filled'
            then source_type_after || ' filled what was ' || fill_status_before
        when 'emptied'
            then source_type_before || ' has it no longer: ' || fill_status_after
        when 'status_changed'
            then fill_status_before || ' became ' || fill_status_after
        when 'reason_changed'
            then 'Still ' || fill_status_after || ': '
                || coalesce(fill_reason_code_before, 'no reason') || ' became '
                || coalesce(fill_reason_code_after, 'no reason')
        when 'raised'
            then source_type_after || ' took the place of ' || source_type_before
        when 'lowered'
            then source_type_before || ' has it no longer: ' || source_type_after
                || ' took its place'
        when 're_asked'
            then case
                when (model_used_before is distinct from model_used_after)
                    then coalesce(model_used_after, 'Another model') || ' answered where '
                        || model_used_before || ' had'
                when (prompt_version_before is distinct from prompt_version_after)
                    then 'The model answered another version of the prompt'
                else 'The model was asked again'
            end
        when 'new_release'
            then coalesce(dataset_after, source_type_after) || ' '
                || coalesce(dataset_release_after, 'without a release')
                || ' took the place of '
                || coalesce(dataset_release_before, 'one without a release')
        when 'value_changed'
            then coalesce(dataset_after, source_type_after)
                || ' has another value in the same release'
        when 'other_record'
            then case
                when (dataset_before is distinct from dataset_after)
                    then coalesce(dataset_after, source_type_after)
                        || ' took the place of '
                        || coalesce(dataset_before, source_type_before)
                else 'Another record of '
                    || coalesce(dataset_after, source_type_after) || ' gives the value'
            end
    end
{%- endmacro %}
