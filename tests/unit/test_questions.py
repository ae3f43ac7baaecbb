"""What a cell's keys hang on: the question, the model, the evidence, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from jobforge.errors import InputError
from jobforge.ledger import AskedCell
from jobforge.requests import keys as hashed
from jobforge.requests.inputs import (
    Attribute,
    ComparableJob,
    ImputationRequest,
    Job,
    KnownAttribute,
    Pack,
)
from jobforge.requests.keys import Keyer, attribute_digest, job_digest
from jobforge.requests.prompts import (
    COMPARABLE_VALUES_LIMIT,
    KNOWN_LIMIT,
    job_message,
    pack_message,
)
from jobforge.settings import Settings
from support.builders import (
    ATTRIBUTES,
    IDS,
    JOB,
    LEADERSHIP,
    PACK,
    READING,
    SHIFTS,
    question_key,
    request,
)


def cell(asked: ImputationRequest | None = None, pack: Pack = PACK, **settings: Any) -> AskedCell:
    """The cell of `reading` in a request."""
    return Keyer(Settings(**settings)).keyed(asked or request(), pack).cells["reading"]


def test_key_is_stable() -> None:
    """The same question has the same key, made of 64 hexadecimal digits."""
    key = question_key(JOB, READING)
    assert key == question_key(replace(JOB), replace(READING))
    assert len(bytes.fromhex(key)) == 32


@pytest.mark.parametrize(
    "job",
    [
        replace(JOB, job_id="j2"),
        replace(JOB, title="Data Scientist"),
        replace(JOB, family=None),
        replace(JOB, function="Other"),
        replace(JOB, unit_group=None),
        replace(JOB, unit_group_title="Other"),
        # A text that moves from one field to the next is another context.
        replace(JOB, family=JOB.function, function=JOB.family),
    ],
)
def test_a_changed_job_has_another_key(job: Job) -> None:
    """An answer for one context is not taken for another."""
    assert job_digest(job) != job_digest(JOB)
    assert question_key(job, READING) != question_key(JOB, READING)


@pytest.mark.parametrize(
    "attribute",
    [
        replace(READING, attribute_id="reading2"),
        replace(READING, name="Reading!"),
        replace(READING, description="Other."),
        replace(READING, domain="abilities"),
        replace(READING, scale_maximum=Decimal(7)),
        replace(READING, scale_minimum=Decimal(1)),
        replace(READING, unit="points"),
        replace(READING, value_type="number"),
    ],
)
def test_a_changed_definition_has_another_key(attribute: Attribute) -> None:
    """An edited definition is another question."""
    assert attribute_digest(attribute) != attribute_digest(READING)
    assert question_key(JOB, attribute) != question_key(JOB, READING)


def test_order_of_allowed_values_is_part_of_the_definition() -> None:
    """Allowed values in another order are another scale."""
    other = replace(LEADERSHIP, allowed_values=tuple(reversed(LEADERSHIP.allowed_values)))
    assert question_key(JOB, other) != question_key(JOB, LEADERSHIP)


def test_a_scale_written_otherwise_is_the_same_scale() -> None:
    """5, 5.0 and 5.00 are one number."""
    written = replace(READING, scale_maximum=Decimal("5.00"))
    assert question_key(JOB, written) == question_key(JOB, READING)


@pytest.mark.parametrize("name", ["prompt_version", "instructions", "schema_version"])
def test_another_version_has_other_keys(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edited prompt, instruction or schema does not return old answers."""
    before = question_key(JOB, READING)
    monkeypatch.setattr(hashed, name, lambda *given: "another")
    assert question_key(JOB, READING) != before


def test_cells_have_keys_of_their_own() -> None:
    """No two cells of a small grid share a key."""
    keyer = Keyer(Settings())
    cells = [
        one
        for number in range(20)
        for one in keyer.keyed(request(replace(JOB, job_id=f"j{number}")), PACK).cells.values()
    ]
    for keys in ({one.question_key for one in cells}, {one.cell_key for one in cells}):
        assert len(keys) == 20 * len(ATTRIBUTES)


@pytest.mark.parametrize("other", [{"model": "other"}, {"temperature": 0.0}])
def test_a_model_and_its_parameters_make_another_cell_of_one_question(
    other: dict[str, Any],
) -> None:
    """Another model or temperature is asked anew, and its answer answers the same question."""
    assert cell(**other).question_key == cell().question_key
    assert cell(**other).cell_key != cell().cell_key


@pytest.mark.parametrize(
    "other",
    [
        {"max_calls": 1},
        {"max_output_tokens": 99},
        {"timeout_seconds": 1.0},
        {"max_in_flight": 1},
        {"mode": "plan"},
    ],
)
def test_how_a_run_is_led_changes_no_key(other: dict[str, Any]) -> None:
    """Caps, time-outs and modes ask for nothing again."""
    assert cell(**other) == cell()


def test_the_neighbours_in_a_request_change_no_key() -> None:
    """A cell keeps its keys in a smaller request, in another order and in another pack."""
    assert cell(request(attribute_ids=("reading",))) == cell()
    assert cell(request(attribute_ids=IDS[::-1])) == cell()
    other = Pack("other", (SHIFTS, READING))
    asked = replace(request(attribute_ids=("shifts", "reading")), pack_id="other")
    assert cell(asked, other) == cell()


class TestEvidence:
    """What is hashed apart."""

    BASE = request(
        known=[("Python", "5")], comparable=[("Poet", {"reading": "2", "shifts": "true"})]
    )

    @pytest.mark.parametrize(
        "other",
        [
            request(known=[("Python", "4")], comparable=[("Poet", {"reading": "2"})]),
            request(known=[("Python", "5")], comparable=[("Poet", {"reading": "3"})]),
            request(known=[("Python", "5")], comparable=[("Bard", {"reading": "2"})]),
            request(known=[("Python", "5")]),
        ],
    )
    def test_changed_evidence_is_the_same_question(self, other: ImputationRequest) -> None:
        """Known attributes and comparable values change the evidence's hash alone."""
        was, now = cell(self.BASE), cell(other)
        assert was.evidence_hash != now.evidence_hash
        assert was == replace(now, evidence_hash=was.evidence_hash)

    def test_only_the_attributes_own_comparable_values_count(self) -> None:
        """A comparable value of another attribute is no evidence for this one."""
        other = request(
            known=[("Python", "5")], comparable=[("Poet", {"reading": "2", "shifts": "false"})]
        )
        assert cell(self.BASE) == cell(other)

    def test_what_the_prompt_does_not_show_is_no_evidence(self) -> None:
        """Known attributes and comparable values beyond what a prompt holds change nothing."""
        known = [(f"Known {number}", "1") for number in range(KNOWN_LIMIT)]
        comparable = [
            (f"Job {number}", {"reading": "2"}) for number in range(COMPARABLE_VALUES_LIMIT)
        ]
        full = request(known=known, comparable=comparable)
        more = request(
            known=[*known, ("More", "1")], comparable=[*comparable, ("More", {"reading": "2"})]
        )
        assert job_message(full) == job_message(more)
        assert cell(full) == cell(more)

    def test_evidence_that_was_not_read_has_no_hash_of_its_own(self) -> None:
        """Without evidence the questions are the same, so that any answer to them is found."""
        bare = Keyer(Settings(), with_evidence=False).keyed(self.BASE, PACK).cells["reading"]
        assert bare.question_key == cell(self.BASE).question_key


def test_an_attribute_of_another_pack_is_an_error() -> None:
    """A request names attributes of its pack alone."""
    with pytest.raises(InputError, match="poetry"):
        Keyer(Settings()).keyed(request(attribute_ids=("poetry",)), PACK)


def test_a_part_of_a_request_keeps_the_keys() -> None:
    """What is left of a request when some cells are settled has the keys that it had."""
    whole = Keyer(Settings()).keyed(request(), PACK)
    part = whole.only(["shifts", "reading"])
    assert part.request.attribute_ids == ("shifts", "reading")
    assert part.cells == {name: whole.cells[name] for name in ("shifts", "reading")}


def test_what_the_ledger_keeps_is_what_is_sent() -> None:
    """The texts of a request, its keys and its model go into the ledger as they are sent."""
    keyer = Keyer(Settings(model="asked-model"))
    asked = keyer.asked(
        keyer.keyed(request(), PACK),
        system_text=pack_message(PACK),
        user_text=job_message(request()),
        schema_text="{}",
        estimated_prompt_tokens=7,
    )
    assert (asked.system_text, asked.user_text) == (pack_message(PACK), job_message(request()))
    assert [one.attribute_id for one in asked.cells] == list(IDS)
    for one in asked.cells:
        assert (one.question_key, one.cell_key) == asked.keys(one.attribute_digest)
    assert (asked.model, asked.estimated_prompt_tokens) == ("asked-model", 7)


def test_equal_comparable_jobs_are_evidence_in_any_order() -> None:
    """The order in which evidence comes does not make it other evidence."""
    known = (KnownAttribute("a", "1"), KnownAttribute("b", "2"))
    jobs = tuple(ComparableJob(title, "r", (("reading", "1"),)) for title in ("x", "y"))
    asked = replace(request(), known_attributes=known, comparable_jobs=jobs)
    turned = replace(request(), known_attributes=known[::-1], comparable_jobs=jobs[::-1])
    assert cell(asked) == cell(turned)
