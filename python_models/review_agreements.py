"""How well people agree with each other and with the model, which SQL cannot fit."""

from jobforge.evaluation.agreement import measure_agreement


def model(dbt, session):
    dbt.config(materialized="table")
    return measure_agreement(dbt.ref("int_review_ratings").to_arrow_table())
