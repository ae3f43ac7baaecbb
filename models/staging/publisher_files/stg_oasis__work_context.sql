{{ config(enabled=is_from_oasis_files("authoritative_values")) }}

{{ oasis_ratings(source("oasis", "work_context"), "work_context") }}
