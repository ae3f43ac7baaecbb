{{ config(enabled=input_is_from("onet_ratings", "files")) }}

{{ onet_ratings(source("onet", "Skills"), "Skills") }}
