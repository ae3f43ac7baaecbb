{{ config(enabled=input_is_from("authoritative_values", "files")) }}

{{ oasis_ratings(source("oasis", "knowledges"), "knowledges") }}
