{# The columns of every input and whether each may be null: the one list that
   the readers, the checks and docs/input_contract.md agree on. #}
{% macro input_contract() %}
    {{ return({
        "jobs": {
            "job_id": "required", "job_title": "required", "job_family": "optional",
            "job_function": "optional", "unit_group": "optional", "weight": "optional",
        },
        "attributes": {
            "attribute_id": "required", "attribute_name": "required", "domain": "required",
            "description": "optional", "value_type": "required", "scale_minimum": "optional",
            "scale_maximum": "optional", "allowed_values": "optional", "unit": "optional",
            "tolerance": "optional",
        },
        "authoritative_values": {
            "scope_level": "required", "scope_code": "required", "attribute_id": "required",
            "value": "required", "dataset": "required", "dataset_release": "optional",
        },
        "noc_structure": {
            "noc_code": "required", "noc_level": "required", "class_title": "required",
        },
        "oasis_profiles": {"oasis_profile": "required", "profile_label": "required"},
        "oasis_example_titles": {"oasis_profile": "required", "example_title": "required"},
        "onet_ratings": {
            "onet_soc_code": "required", "element_id": "required", "element_name": "optional",
            "scale_id": "required", "data_value": "required", "recommend_suppress": "optional",
            "not_relevant": "optional", "dataset": "required", "dataset_release": "optional",
        },
        "noc_onet_crosswalk": {
            "unit_group": "required", "onet_soc_code": "required", "onet_title": "optional",
        },
        "attribute_onet_elements": {
            "attribute_id": "required", "element_id": "required", "scale_id": "required",
            "basis": "required", "reason": "optional",
        },
    }) }}
{% endmacro %}
