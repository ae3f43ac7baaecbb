{{ config(enabled=input_is_from("authoritative_values", "files")) }}

{{ oasis_ratings(source("oasis", "personal-attributes"), "personal_attributes") }}
