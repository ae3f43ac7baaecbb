"""JobForge's Python side: asks a language model for the job attributes that no source has.

It takes Arrow in and gives Arrow out and knows neither dbt nor a warehouse. A module depends only
on those to the left of it:

    errors, redaction, settings, inputs <- schema <- values <- prompts, replies
        <- keys, client, outcomes <- live, recorded <- pipeline, external.llm
"""
