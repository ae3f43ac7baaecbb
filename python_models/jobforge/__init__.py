"""JobForge's Python side: asks a language model for the job attributes that no source has.

It takes Arrow in and gives Arrow out and knows neither dbt nor a warehouse. The rooms, in the order
of their dependencies: a room imports only from lines above its own.

    redaction                         no secret leaves, no text steers a terminal
    errors                            every error in one tree
    reasons                           why a cell has no answer: codes, and sentences beside them
    settings, limiter, ledger         what steers a run; when to send; what was answered
    requests, history                 what is asked, to the byte; what gold said, and when
    money                             what tokens cost, what a run may spend, what it would spend
    provider, summary                 the one way to the model's server; what a run came to
    progress                          what a run says of itself on its way
    answers                           what is known of a cell, its claim, its attempts, their record
    live, batch                       two ways to ask what nobody has answered
    pipeline, external                a warehouse's missing cells; the service for other programs
    evaluation                        what an answer is worth, by its twins
    review                            what people say of cells, out to them and back
    report                            the page about a built warehouse
    cli                               the command line

`docs/engine.md` follows one cell through them.
"""
