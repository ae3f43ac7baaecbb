"""From tokens' log-probabilities to a distribution over what a cell can have, or to nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from math import exp, log
from typing import Any

import pytest
from jobforge.errors import UnreadableReplyError
from jobforge.evaluation.distributions import Distribution, read_distributions
from jobforge.evaluation.positions import value_positions
from jobforge.requests.inputs import Attribute
from support.builders import LEADERSHIP, READING, SHIFTS, TOOLS, TRAVEL
from support.token_probabilities import Listed, answer_tokens, completion, token


def scale(low: int, high: int) -> Attribute:
    """A rating on whole steps."""
    bounds = {"scale_minimum": Decimal(low), "scale_maximum": Decimal(high)}
    return Attribute("rated", "Rated", "skills", "", "rating", **bounds)


def category(*values: str) -> Attribute:
    """An attribute of these values."""
    return Attribute("kind", "Kind", "skills", "", "category", allowed_values=values)


def of_value(attribute: Attribute, *tokens: Listed, before: str = " ") -> Distribution | None:
    """The distribution of a cell whose value these tokens write."""
    reply = completion(
        [
            *(token("{"), token(f'"{attribute.attribute_id}"'), token(': {"value":' + before)),
            *tokens,
            *(token(' "confidence":'), token(" 90"), token("}}")),
        ]
    )
    return read_distributions(reply, [attribute]).get(attribute.attribute_id)


def chances(found: Distribution | None) -> dict[str, float]:
    """What is more than impossible."""
    assert found is not None
    assert sum(found.chances.values()) == pytest.approx(1)
    return {value: chance for value, chance in found.chances.items() if chance}


def test_a_value_s_token_gives_the_scale_its_distribution() -> None:
    """What is no value is left out, and the rest adds up to 1."""
    found = of_value(READING, token("3", {"3": 0.6, "4": 0.2, "three": 0.1, "9": 0.05}), token(","))
    assert chances(found) == pytest.approx({"3": 0.75, "4": 0.25})
    assert found is not None
    assert found.answered == "3"
    assert found.answer_probability == pytest.approx(0.75)
    assert found.expected_value == pytest.approx(3.25)


def test_a_forced_token_is_one_among_what_was_allowed() -> None:
    """The schema forbade what the model would have said: the values' shares are what is left."""
    forced = {'"high"': -0.1, "3": -20.0, "4": -20.0 + log(3), "5": -900.0}
    found = of_value(READING, ("3", forced), token(","))
    assert chances(found) == pytest.approx({"3": 0.25, "4": 0.75})
    # Lower than a probability can be as a number.
    lowest = {"text": 0.0, "0": -990.0, "1": -990.0, "2": -990.0, "3": -990.0, "4": -990.0}
    found = of_value(READING, ("3", lowest | {"5": -990.0}), token(","))
    assert chances(found) == pytest.approx({str(step): 1 / 6 for step in range(6)})


def test_what_is_not_listed_may_outweigh_what_is() -> None:
    """A token below all that is listed says nothing of the others, which may be as probable."""
    listed = {"words": 0.5, "more": 0.3, "other": 0.1}
    assert of_value(READING, token("3", listed), token(",")) is None
    # All that there can be is listed: nothing else is left, however short the list.
    assert chances(of_value(READING, token("3", {"3": 1.0}), token(","))) == {"3": 1}
    assert of_value(READING, token("3", {"3": 0.2}), token(",")) is None


@pytest.mark.parametrize(
    ("before", "tokens"),
    [
        ("", [token(" 3", {" 3": 0.6, " 4": 0.2, "4": 0.1, "\n5": 0.1}), token(",")]),
        ("", [token(" 3,", {" 3,": 0.6, " 4,": 0.1, " 4": 0.2, " 5}": 0.1})]),
        ("", [token("\n "), token("3", {"3": 0.6, "4": 0.3, " 5": 0.1}), token(",")]),
    ],
)
def test_what_stands_around_a_value_counts_for_nothing(before: str, tokens: list[Listed]) -> None:
    """Spaces before it, the comma after it, whoever of the listed has them."""
    found = of_value(READING, *tokens, before=before)
    assert chances(found) == pytest.approx({"3": 0.6, "4": 0.3, "5": 0.1})


def test_structure_may_share_the_value_s_token() -> None:
    """What has the same before it says a value; a text in its place says none."""
    first = {'": 3': 0.5, '":4': 0.25, '" :  5': 0.25, '": "': 0.1, "s": 0.1}
    reply = completion(
        [token('{"reading": {"value'), token('": 3', first), token(', "confidence": 90}}')]
    )
    found = read_distributions(reply, [READING])["reading"]
    assert chances(found) == pytest.approx({"3": 0.5, "4": 0.25, "5": 0.25})


def test_digits_are_multiplied_along_the_tokens() -> None:
    """Of 1 and 10 the token after the 1 decides."""
    first = token("1", {"1": 0.5, "7": 0.5})
    after = {"0": 0.2, ",": 0.5, "\n": 0.1, "5": 0.2}
    expected = {"10": 0.5 * 0.25, "1": 0.5 * 0.75, "7": 0.5}
    ten = of_value(scale(0, 10), first, token("0", after), token(","))
    assert chances(ten) == pytest.approx(expected)
    assert ten is not None
    assert ten.answered == "10"
    one = of_value(scale(0, 10), first, token(",", after))
    assert chances(one) == pytest.approx(expected)
    assert one is not None
    assert one.answered == "1"
    assert one.expected_value == pytest.approx(1.25 + 0.375 + 3.5)


def test_a_token_that_may_become_two_values_is_no_one_s() -> None:
    """Where nobody went on from it: a little of it is left out, more of it leaves nothing known."""
    assert of_value(scale(0, 10), token("7", {"7": 0.9, "1": 0.1}), token(",")) is None
    found = of_value(scale(0, 10), token("7", {"7": 0.9, "8": 0.095, "1": 0.005}), token(","))
    assert chances(found) == pytest.approx({"7": 0.9 / 0.995, "8": 0.095 / 0.995})
    # In a scale without 10 there is nothing else that it could become.
    found = of_value(scale(0, 5), token("3", {"3": 0.9, "1": 0.1}), token(","))
    assert chances(found) == pytest.approx({"3": 0.9, "1": 0.1})


def test_a_scale_below_nought_has_its_signs() -> None:
    """The sign is a token of its own, or one with the digit."""
    found = of_value(
        scale(-2, 2),
        token("-", {"-": 0.5, "0": 0.3, "-1": 0.1, "2": 0.1}),
        token("1", {"1": 0.8, "2": 0.2, "5": 0.0001}),
        token(","),
    )
    assert chances(found) == pytest.approx({"-1": 0.5, "-2": 0.1, "0": 0.3, "2": 0.1}, abs=1e-4)


def test_truths_are_told_by_how_they_begin() -> None:
    """One token, or a part of one."""
    found = of_value(SHIFTS, token("true", {"true": 0.6, "f": 0.1, "null": 0.1}), token(","))
    assert chances(found) == pytest.approx({"true": 6 / 7, "false": 1 / 7})
    whole = of_value(SHIFTS, token("tr", {"tr": 0.7, "f": 0.1, "false,": 0.2}), token("ue,"))
    assert chances(whole) == pytest.approx({"true": 0.7, "false": 0.3})
    assert whole is not None
    assert whole.answered == "true"


def test_words_are_followed_from_where_they_branch() -> None:
    """An opening quote tells nothing; the first letters may be enough."""
    found = of_value(
        LEADERSHIP,
        token('"', {'"': 0.9, "3": 0.1}),
        token("team", {"team": 0.6, "man": 0.3, "none": 0.05, "nobody": 0.05}),
        token(" lead"),
        token('",'),
    )
    assert chances(found) == pytest.approx(
        {"team lead": 0.6 / 0.95, "manager": 0.3 / 0.95, "none": 0.05 / 0.95}
    )
    levels = category("low", "very low", "very high")
    tokens = (
        token('"very', {'"very': 0.8, '"low': 0.2}),
        token(" low", {" low": 0.5, " high": 0.5}),
        token('",'),
    )
    assert chances(of_value(levels, *tokens)) == pytest.approx(
        {"low": 0.2, "very low": 0.4, "very high": 0.4}
    )
    # What was not gone along is not divided.
    assert of_value(levels, token('"low', {'"very': 0.8, '"low': 0.2}), token('",')) is None
    # One value may be how another begins: the closing quote tells.
    found = of_value(
        category("low", "lower"),
        token('"low', {'"low': 1.0}),
        token('"', {'"': 0.75, "er": 0.25}),
        token(","),
    )
    assert chances(found) == pytest.approx({"low": 0.75, "lower": 0.25})


def test_numbers_and_letters_may_be_written_in_other_ways() -> None:
    """As texts, where the server takes no other enums; with letters escaped, or in parts."""
    found = of_value(READING, token('"3', {'"3': 0.8, '"4': 0.2}), token('",'))
    assert chances(found) == pytest.approx({"3": 0.8, "4": 0.2})
    kinds = category("élevé", "bas")
    first, rest = (list(part) for part in ('"é'.encode()[:2], '"é'.encode()[2:]))
    reply = json.loads(
        completion(
            [
                *(token('{"kind": {"value": '), token('"?', {'"?': 0.6, '"bas': 0.4}), token("?")),
                *(token('levé"'), token(', "confidence": 90}}')),
            ],
            '{"kind": {"value": "élevé", "confidence": 90}}',
        )
    )
    entries = reply["choices"][0]["logprobs"]["content"]
    for entry, part in ((entries[1], first), (entries[2], rest)):
        entry["bytes"] = entry["top_logprobs"][0]["bytes"] = part
    accented = read_distributions(json.dumps(reply), [kinds])["kind"]
    assert chances(accented) == pytest.approx({"élevé": 0.6, "bas": 0.4})
    escaped = of_value(
        kinds, token('"\\u00e9lev\\u00e9"', {'"\\u00e9': 0.6, '"b': 0.2}), token(",")
    )
    assert chances(escaped) == pytest.approx({"élevé": 0.75, "bas": 0.25})


MISLEADING = '"value": 3, } {"reading": {"value": 3}} \\" \\\\'


@pytest.mark.parametrize("form", ["{}", "```json\n{}\n```\n", "<think>\n{}\n</think>\n{}", " \n{}"])
def test_only_the_member_that_is_the_value_counts(form: str) -> None:
    """A rationale, another attribute or a thought may say the same, and no value is found there."""
    answer = {
        "other": {"value": 1, "reading": {"value": 5}},
        "reading": {"rationale": MISLEADING, "value": 4, "confidence": 80, "more": {"value": 2}},
        "list": [{"value": 2}, "}"],
        "travel_days": 3,
    }
    text = form.replace("{}", json.dumps(answer, indent=1))
    (place,) = value_positions(text, ["reading", "travel_days"]).values()
    assert text[slice(*place)] == "4"
    assert place[0] == text.rindex('"value": 4') + len('"value": ')


@pytest.mark.parametrize("text", ["", "{", '{"a": 1, "a": 2}', "[1]", '{"a": NaN}'])
def test_a_text_that_is_no_answer_has_no_positions(text: str) -> None:
    """As it has no cells."""
    with pytest.raises(UnreadableReplyError):
        value_positions(text, ["a"])


ANSWER: dict[str, Any] = {
    "reading": {"rationale": MISLEADING, "value": 4, "confidence": 80},
    "travel_days": {"rationale": "r", "value": 30, "confidence": 80},
    "leadership": {"rationale": "r", "value": "manager", "confidence": 80},
    "shifts": {"rationale": "r", "value": False, "confidence": 80},
    "tools": {"rationale": "r", "value": "a pen", "confidence": 80},
}
ALL = (READING, TRAVEL, LEADERSHIP, SHIFTS, TOOLS)
SAID = {
    "reading": {"4": 0.5, "5": 0.5},
    "leadership": {'"manager"': 0.8, '"none"': 0.2},
    "shifts": {"false": 0.9, "true": 0.1},
}


def whole(**changed: Any) -> dict[str, Any]:
    """A reply with an answer of every type, with what is changed of its first choice."""
    body: dict[str, Any] = json.loads(completion(answer_tokens(ANSWER, SAID)))
    body["choices"][0] |= changed
    return body


def test_every_cell_of_a_reply_has_its_own() -> None:
    """But numbers without steps, and texts."""
    found = read_distributions(json.dumps(whole()), ALL)
    assert {name: chances(one) for name, one in found.items()} == {
        "reading": pytest.approx({"4": 0.5, "5": 0.5}),
        "leadership": pytest.approx({"manager": 0.8, "none": 0.2}),
        "shifts": pytest.approx({"false": 0.9, "true": 0.1}),
    }
    assert set(read_distributions(json.dumps(whole()), [SHIFTS])) == {"shifts"}


def test_tokens_that_are_no_part_of_the_text_may_stand_around_it() -> None:
    """A thought before it, the end of the turn after it."""
    tokens = answer_tokens(ANSWER, SAID)
    text = "".join(one for one, _ in tokens)
    around = [token("<think>"), token("well</think>"), *tokens, token("<|im_end|>")]
    assert set(read_distributions(completion(around, text), ALL)) == set(SAID)


def test_what_has_no_text_says_nothing() -> None:
    """The end of the turn may be probable in a value's place, and be written between two tokens."""
    found = of_value(
        scale(0, 10),
        token("1", {"1": 0.5, "7": 0.25, "": 0.25}),
        ("", {}),
        token("0", {"0": 0.5, ",": 0.5}),
        token(","),
    )
    assert chances(found) == pytest.approx({"10": 1 / 3, "1": 1 / 3, "7": 1 / 3})


def changed_tokens(change: Mapping[str, Any], entry: str = " 4") -> str:
    """The reply with another entry in place of the value of reading."""
    body = whole()
    for one in body["choices"][0]["logprobs"]["content"]:
        if one["token"] == entry:
            one |= change
    return json.dumps(body)


@pytest.mark.parametrize(
    "change",
    [
        {"top_logprobs": []},
        {"top_logprobs": None},
        {"top_logprobs": [{"token": " 4"}]},
        {"top_logprobs": [{"token": " 4", "logprob": None}]},
        {"top_logprobs": [{"token": " 4", "logprob": 2.5}]},
        {"top_logprobs": [{"token": " 4", "logprob": float("nan")}]},
        {"top_logprobs": [{"token": " 4", "logprob": True}]},
        {"top_logprobs": [{"token": 4, "logprob": -0.1}]},
        {"top_logprobs": [{"token": " 4", "logprob": -0.1, "bytes": [300]}]},
        {"logprob": "likely"},
    ],
)
def test_a_list_that_is_none_leaves_its_cell_without(change: Mapping[str, Any]) -> None:
    """The others keep theirs."""
    assert set(read_distributions(changed_tokens(change), ALL)) == {"leadership", "shifts"}


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        json.dumps({"choices": []}),
        json.dumps(whole(logprobs=None)),
        json.dumps(whole(logprobs={"content": None})),
        json.dumps(whole(logprobs={"content": []})),
        json.dumps(whole(message={"content": None})),
        json.dumps(whole(message={"content": '{"reading": {"value": 4}}'})),
        changed_tokens({"token": " 5", "bytes": None}),
        changed_tokens({"token": None, "bytes": None}),
        changed_tokens({"bytes": [32, 52.0]}),
    ],
)
def test_where_the_tokens_are_not_the_text_s_nothing_is_known(reply: str) -> None:
    """No figure is made up for any cell."""
    assert read_distributions(reply, ALL) == {}


def test_a_value_that_is_off_its_scale_or_written_otherwise_has_none() -> None:
    """3.0 is read as 3, but nobody can say what else its tokens could have become."""
    assert of_value(READING, token("3.0", {"3.0": 0.9, "4": 0.1}), token(",")) is None
    assert of_value(READING, token("9", {"9": 0.9, "4": 0.1}), token(",")) is None


def test_servers_round() -> None:
    """A probability of a little more than 1 is 1."""
    tokens = (("3", {"3": 1e-6, "4": -20.0}), token(","))
    assert chances(of_value(READING, *tokens))["3"] == pytest.approx(1 / (1 + exp(-20)))
