"""Answers that tell nothing, planted for the tests that warn of them, and ones that are sound.

Each statement goes for the demo; no number here is one of the demo's own.
"""

from __future__ import annotations

__all__ = ["FAULTS", "SOUND"]

ANSWERS = "main_intermediate.int_llm_values"
ATTRIBUTES = "main_intermediate.int_attributes"
COMPARABLE = "main_intermediate.int_comparable_jobs"
KNOWN = "main_intermediate.int_known_values"
VALUES = "main_intermediate.int_source_values"
# From 0 to 3, and some of the demo's jobs have the one end; in the pack of the other one.
RATING = "knowledge_client_services"
BESIDE = "knowledge_mathematics"


def _attribute(attribute_id: str) -> str:
    return f"(select attribute_number from {ATTRIBUTES} where attribute_id = '{attribute_id}')"


def answers(
    value: str,
    count: int = 20,
    *,
    attribute: str = _attribute(RATING),
    model: str = "planted",
    version: str = "1",
    tier: int = 1,
    confidence: str = "n / 20.0",
    rationale: str = "'reason ' || n",
) -> str:
    """Return what inserts so many answers; expressions may say `n`, which counts from 0."""
    return (
        f"insert into {ANSWERS} (job_number, attribute_number, value_id, value, value_number,"
        " confidence, rationale, model_used, prompt_version, tier)"
        f" select -n, {attribute}, -n, {value}, try_cast({value} as double), {confidence},"
        f" {rationale}, '{model}', '{version}', {tier} from range({count}) as numbers(n)"
    )


def _first(share: int, one: str, other: str) -> str:
    return f"case when n < {share} then {one} else {other} end"


VARIED = "cast(n % 3 as varchar)"

# All jobs get the first value of the rating that any job has.
_ALL_KNOWN_ALIKE = (
    f"update {KNOWN} set precedence_rank = one.precedence_rank, value_id = one.value_id"
    f" from (from {VALUES} where attribute_number = {_attribute(RATING)} and value_number = 0"
    f" limit 1) as one where {KNOWN}.attribute_number = one.attribute_number"
)


def losses(
    answer: str, mean: str, twins: int = 10, *, column: str = "error", value_type: str = "rating"
) -> str:
    """Return what inserts twins of jobs of their own, with what a model and the mean are off."""
    rows = " union all ".join(
        f"select -n, {_attribute(RATING)}, -n, '{value_type}', '{estimator}', {model}, {model},"
        f" {loss} from range({twins}) as numbers(n)"
        for estimator, model, loss in (
            ("llm", "'planted'", answer),
            ("attribute_mean", "null", mean),
        )
    )
    return (
        "insert into main_intermediate.int_backtest_estimates (twin_number, attribute_number,"
        f" job_hash, value_type, estimator, model_used, prompt_version, {column}) {rows}"
    )


def reason(rationale: str, *, is_stale: str = "false", value: str = "3") -> str:
    """Return what inserts one answer of a job of its own, with that rationale."""
    return (
        f"insert into {ANSWERS} (job_number, attribute_number, value_id, value, value_number,"
        " rationale, model_used, is_stale)"
        f" select -1, {_attribute(RATING)}, -1, '{value}', {value}, {rationale}, 'planted',"
        f" {is_stale}"
    )


def shown(attribute_id: str, condition: str) -> str:
    """Return what shows that job the first value of an attribute that is so."""
    return (
        f"insert into {COMPARABLE} (job_number, attribute_number, precedence_rank, value_id)"
        f" select -1, attribute_number, precedence_rank, value_id from {VALUES}"
        f" where attribute_number = {_attribute(attribute_id)} and {condition}"
        " order by value_id limit 1"
    )


_NONE = shown(RATING, "value_number = 0")
_MOST = shown(RATING, "value_number > 2")
_BETWEEN = shown(BESIDE, "value_number between 1 and 2")
_NAMED = (
    f"(select 'Closest jobs have ' || value from {VALUES}"
    f" where attribute_number = {_attribute(BESIDE)} and value_number between 1 and 2"
    " order by value_id limit 1)"
)
_READ = (
    *("closest jobs have 1.5", "Comparable occupations show a higher rating of 1.5, so 3"),
    *("The nearest job has a 1.5; typical duty", "Similar jobs all have the same score (1.5)."),
    *("as for Data Scientist (value: 1.5), known", "Similar jobs had values of 1.5 for it."),
)
_NOT_READ = (
    *("Closest jobs have 1.5 supervisors.", "Closest jobs have a value of 1.5 for programming."),
    *(
        "Closest jobs have 1.5 to 1.7.",
        "Closest jobs have 1.5 out of 2.",
        "Closest jobs have 1.5/2.",
    ),
    *("Known knowledge of 1.5 implies it.", "Closest jobs have 150 %.", "Fifteen jobs (1.5)."),
    *("Closest jobs have a lower value than 1.5.", "Closest jobs have 1.5-2.", "No jobs have 1.5."),
    # The schema has cut these, which say something else.
    *("Closest jobs have 1.5".rjust(120, "."), "Closest jobs have 1.".rjust(120, ".")),
)

FAULTS = {
    "no_attribute_gets_one_value_for_nearly_all_jobs": [
        answers(_first(18, "'2'", "'1'")),
        answers("'pens'", attribute=_attribute("organisation_typical_tools")),
    ],
    "no_reason_is_given_word_for_word_for_most_answers": [
        answers(VARIED, rationale=_first(10, "'Closest jobs agree'", "'reason ' || n")),
        answers(
            VARIED,
            rationale=_first(
                10, _first(5, "'Closest jobs agree'", "'closest jobs agree '"), "'reason ' || n"
            ),
        ),
        # Of all attributes together.
        answers(VARIED, attribute="-n", rationale=_first(10, "'as the jobs'", "'reason ' || n")),
    ],
    "no_model_states_one_confidence_for_nearly_all_answers": [
        answers(VARIED, confidence=_first(18, "0.9", "0.5")),
    ],
    "no_attribute_is_rated_at_the_ends_of_its_scale_alone": [
        answers(_first(18, "cast(n % 2 * 3 as varchar)", "'1'")),
    ],
    "no_attribute_is_answered_worse_than_by_its_mean": [
        losses("2 + n % 2", "-1"),
        losses("-2", "1"),
        losses("false", "n < 7", column="is_exact", value_type="category"),
    ],
    "no_attribute_drifts_from_one_model_to_another": [
        f"{answers(VARIED)}; {answers('cast(2 + n % 2 as varchar)', model='second')}",
        f"{answers(VARIED)}; {answers('cast(2 + n % 2 as varchar)', version='2')}",
        "; ".join(
            answers(value, model=model, attribute=_attribute("organisation_shift_work"))
            for value, model in (("'true'", "planted"), (_first(9, "'true'", "'false'"), "second"))
        ),
    ],
    "no_reason_names_a_comparable_value_that_was_not_shown": [
        *(f"{_NONE}; {reason(repr(rationale))}" for rationale in _READ),
        # It was shown, for another attribute; and where nothing was shown at all.
        f"{_NONE}; {_BETWEEN}; {reason(_NAMED)}",
        reason(_NAMED),
    ],
}

# Each by a model of its own, so that all may stand in one warehouse.
FAULTS = {
    name: [fault.replace("'planted'", f"'{name}'") for fault in faults]
    for name, faults in FAULTS.items()
}

# As like the faults as sound answers can be.
SOUND = {
    "no_attribute_gets_one_value_for_nearly_all_jobs": [
        answers(_first(17, "'2'", "'1'")),
        answers("'2'", 19),
        f"{answers(repr('2'), 18)}; {answers(repr('2'), 18, model='second')}",
        f"{_ALL_KNOWN_ALIKE}; {answers(repr('0'))}",
    ],
    "no_reason_is_given_word_for_word_for_most_answers": [
        answers(VARIED, rationale=_first(9, "'closest jobs agree'", "'reason ' || n")),
        answers(VARIED, 19, rationale="'closest jobs agree'"),
        answers(VARIED, rationale="''"),
    ],
    "no_model_states_one_confidence_for_nearly_all_answers": [
        answers(VARIED, confidence=_first(17, "0.9", "0.5")),
        answers(VARIED, 19, confidence="0.9"),
    ],
    "no_attribute_is_rated_at_the_ends_of_its_scale_alone": [
        answers(_first(17, "cast(n % 2 * 3 as varchar)", "'1'")),
        answers("cast(n % 2 * 3 as varchar)", 19),
        f"{_ALL_KNOWN_ALIKE}; {answers('cast(n % 2 * 3 as varchar)')}",
        f"update {ATTRIBUTES} set scale_maximum = 1 where attribute_id = '{RATING}';"
        f" {answers('cast(n % 2 as varchar)')}",
    ],
    "no_attribute_is_answered_worse_than_by_its_mean": [
        losses("1", "-1"),
        losses("2", "-1", 9),
        # Worse on these twins, by no more than chance.
        losses("n % 2 * 5", "2"),
        losses("false", "true", column="is_exact", value_type="text"),
    ],
    "no_attribute_drifts_from_one_model_to_another": [
        f"{answers(VARIED)}; {answers('cast((n + 1) % 3 as varchar)', model='second')}",
        f"{answers(VARIED)}; {answers(repr('3'), 19, model='second')}",
        # A quarter of the scale apart, by no more than chance.
        f"{answers('cast(n % 2 * 3 as varchar)')};"
        f" {answers(_first(5, repr('0'), repr('3')), model='second')}",
        f"{answers(VARIED)}; {answers(repr('3'), model='second', tier=2)}",
    ],
    "no_reason_names_a_comparable_value_that_was_not_shown": [
        *(f"{_NONE}; {reason(repr(rationale))}" for rationale in _NOT_READ),
        # It is as good as shown: within the range, as rounded, in the pack, of the job itself.
        f"{_NONE}; {_MOST}; {reason(_NAMED)}",
        f"{_NONE}; {reason(repr('Closest jobs have 0.0.'), value='1')}",
        f"{_BETWEEN}; {reason(_NAMED)}",
        f"{_BETWEEN}; {reason(repr('Closest jobs have 1.'))}",
        f"insert into main_intermediate.int_known_attributes (job_number, value)"
        f" values (-1, '1.53'); {_NONE}; {reason(repr('Closest jobs have 1.5.'))}",
        # The answer and the ends of the scale.
        f"{_NONE}; {reason(repr('Closest jobs have 2.'), value='2')}",
        f"{_NONE}; {reason(repr('Closest jobs have 3.'), value='1')}",
        # Nobody knows that it was given on this evidence.
        *(f"{_NONE}; {reason(repr(_READ[0]), is_stale=stale)}" for stale in ("true", "null")),
    ],
}
