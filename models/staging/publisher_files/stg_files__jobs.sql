{{ config(enabled=input_is_from("jobs", "files")) }}

{{ csv_records("jobs", source("files", "jobs")) }}
