"""One row per stratum, feature and step of confidence: how often the model was right there."""

import pyarrow as pa
from jobforge.evaluation.confidence import MAP_SCHEMA, fit_confidence


def model(dbt, session):
    dbt.config(materialized="table")
    stated = dbt.ref("int_stated_confidences").to_arrow_table()
    return pa.Table.from_pylist(fit_confidence(stated.to_pylist()), schema=MAP_SCHEMA)
