"""Requests in bytes are the same requests that the plain functions make."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobforge.errors import InputError
from jobforge.requests.forms import PackForms
from jobforge.requests.prompts import messages
from jobforge.requests.schema import response_format
from support.builders import ATTRIBUTES, IDS, PACK, jobs, request

from executor.running import MODEL, items


def forms(**parameters: object) -> PackForms:
    """The pack's forms with these parameters."""
    return PackForms(PACK, parameters={"model": MODEL, **parameters}, largest_completion_tokens=300)


def test_the_body_is_what_the_plain_functions_say() -> None:
    """Model, parameters, messages and schema, byte for byte what JSON makes of them."""
    asked = request(comparable=[('Say "hi" <b> ü', {"reading": "4"})])
    form = forms(max_tokens=300, temperature=0.5).form(asked)
    assert json.loads(form.body) == {
        "model": MODEL,
        "max_tokens": 300,
        "temperature": 0.5,
        "messages": messages(asked, PACK),
        "response_format": response_format(ATTRIBUTES),
    }


def test_some_of_the_cells_are_asked_for_with_the_same_prefix() -> None:
    """The system message stays the same for any part of the pack, so that it stays cached."""
    whole, part = (forms().form(request(attribute_ids=ids)) for ids in (IDS, IDS[1:3]))
    assert json.loads(part.body)["messages"] == messages(
        replace(request(), attribute_ids=IDS[1:3]), PACK
    )
    schema = json.loads(part.body)["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == list(IDS[1:3])
    user = whole.body.index(b'{"role":"user"')
    assert whole.body[:user] == part.body[:user]


def test_the_texts_to_keep_are_those_that_are_sent() -> None:
    """System message, user message and schema of a request, as they stand in its body."""
    form = forms().form(request(attribute_ids=IDS[:2]))
    body, texts = json.loads(form.body), form.texts
    assert [texts.system, texts.user] == [message["content"] for message in body["messages"]]
    assert json.loads(texts.schema) == body["response_format"]


def test_jobs_of_a_pack_share_their_prefix() -> None:
    """Two jobs' requests are the same bytes up to the job's own message."""
    first, second = (forms().form(job).body for job in jobs(2))
    assert first[: first.index(b"<job_data>")] == second[: second.index(b"<job_data>")]


def test_the_estimate_grows_with_what_is_asked() -> None:
    """More cells are more tokens, never more than a reply may have."""
    one, five = (forms().form(request(attribute_ids=ids)).estimate for ids in (IDS[:1], IDS))
    assert 0 < one.completion_tokens < five.completion_tokens <= 300
    assert one.prompt_tokens < five.prompt_tokens
    assert five.largest_completion_tokens == 300


@given(title=st.text(st.characters(), max_size=300))
def test_no_estimate_is_above_the_bound(title: str) -> None:
    """The worst case is one byte a token, whatever the text, so a cap holds."""
    asked = request()
    asked = replace(asked, job=replace(asked.job, title=title))
    taken = forms().form(asked).estimate
    assert taken.prompt_tokens <= taken.largest_prompt_tokens


def test_an_attribute_that_the_pack_has_not_is_told() -> None:
    """Asking for it is an InputError before anything is sent."""
    asked = request(attribute_ids=("reading", "unknown"))
    for ask in (forms().form, lambda one: items([one])):
        with pytest.raises(InputError, match="unknown"):
            ask(asked)
