"""Tokens are estimated without a tokeniser, and bounded by bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from jobforge.money.calibration import Calibration, relative_error
from jobforge.money.prices import Usage
from jobforge.requests.estimates import prompt_tokens, reply_tokens
from jobforge.requests.forms import PackForms
from support.builders import LEADERSHIP, PACK, READING, TOOLS, request

# Counted with OpenAI's o200k vocabulary.
COUNTED = (
    ("The data analyst reads reports from every branch and writes a summary each week.", 15),
    ("Leadership: directing, motivating and supervising other people at work.", 12),
)


def attempts(*rows: dict[str, Any]) -> list[pa.RecordBatch]:
    usual = {
        "model_requested": "m",
        "prompt_tokens": 1100,
        "completion_tokens": 90,
        "cached_tokens": 550,
        "cache_write_tokens": None,
        "estimated_prompt_tokens": 1000,
        "estimated_completion_tokens": 100,
        "status": "answered",
    }
    return pa.Table.from_pylist([{**usual, **row} for row in rows]).to_batches()


@pytest.mark.parametrize(("text", "counted"), COUNTED)
def test_english_text_is_estimated_within_a_third(text: str, counted: int) -> None:
    """Even two short sentences come near what a real tokeniser counts."""
    estimated = prompt_tokens(system=len(text), user=0, schema=0) - 11
    assert abs(estimated - counted) <= counted / 3 + 2


def test_letters_beyond_ascii_take_more_tokens() -> None:
    """Bytes are counted, not characters: é and 事 are no cheaper than they are."""
    forms = PackForms(PACK, parameters={}, largest_completion_tokens=4096)
    titles = [replace(request().job, title=letter * 90) for letter in ("e", "é", "事")]
    tokens = [forms.form(replace(request(), job=job)).estimate.prompt_tokens for job in titles]
    assert tokens == sorted(set(tokens))


def test_each_attribute_takes_its_part_of_the_reply() -> None:
    """About 28 tokens for a rating, more for a text, and they add up."""
    rating = reply_tokens([READING])
    assert 20 <= rating <= 35
    assert reply_tokens([TOOLS]) > rating
    assert reply_tokens([READING, LEADERSHIP, TOOLS]) > 3 * rating


def test_a_model_that_takes_more_tokens_corrects_the_next_estimate() -> None:
    """After many calls the correction is the ratio of counted to estimated, cache included."""
    learnt = Calibration.from_attempts(attempts(*[{}] * 1000), "m")
    assert learnt.calls == 1000
    assert learnt.prompt == pytest.approx(1.1, abs=0.002)
    assert learnt.completion == pytest.approx(0.9, abs=0.003)
    assert learnt.cached_share == pytest.approx(0.5, abs=0.005)
    assert learnt.correct(Usage(1000, 100)).tokens == pytest.approx(1190, abs=4)


def test_a_few_calls_move_the_estimate_little() -> None:
    """One odd reply does not turn a plan upside down."""
    learnt = Calibration.from_attempts(attempts({"prompt_tokens": 3000}), "m")
    assert 1 < learnt.prompt < 1.2


def test_attempts_without_both_figures_and_of_other_models_do_not_count() -> None:
    """Failed attempts told no usage, and another model's tokeniser says nothing of this one."""
    useless = ({"prompt_tokens": None}, {"estimated_prompt_tokens": None})
    rows = attempts(*useless, {"model_requested": "other"}, {"cached_tokens": None})
    assert Calibration.from_attempts(rows, "m").calls == 1
    assert Calibration.from_attempts([], "m") == Calibration()


def test_the_error_is_a_share_of_the_count() -> None:
    """Too high is above zero; without a count there is no error."""
    assert relative_error(110, 100) == pytest.approx(0.1)
    assert relative_error(90, 100) == pytest.approx(-0.1)
    assert relative_error(5, 0) is None
