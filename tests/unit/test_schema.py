"""The strict JSON schema: every server takes it, and it says what the catalogue says."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from decimal import Decimal
from itertools import chain
from typing import Any, get_args

import pytest
from jobforge.external.models import ImputationResponse
from jobforge.requests.dialects import FORMS, SchemaForm, form_of, has_rationale
from jobforge.requests.forms import PackForms
from jobforge.requests.inputs import Attribute, Pack
from jobforge.requests.limits import AZURE_LIMITS, LIMITS, SchemaLimits
from jobforge.requests.prompts import (
    INSTRUCTIONS,
    PROMPT_VERSION,
    instructions,
    prompt_version,
)
from jobforge.requests.replies import BadCell, GoodCell, read_cells
from jobforge.requests.schema import (
    SCHEMA_VERSION,
    SHARED_SCHEMA_VERSION,
    model_response_format,
    response_format,
    response_schema,
    schema_version,
)
from jobforge.settings import Rationale, SchemaCells
from support.builders import ATTRIBUTES, IDS, LEADERSHIP, READING, SHIFTS, TOOLS, TRAVEL
from support.loopback_server import DIALECTS, instance_of, strict_schema_fault

Json = dict[str, Any]
CELLS: tuple[SchemaCells, ...] = get_args(SchemaCells)


def value_schema(attribute: Attribute, cells: SchemaCells = "spelt_out", **options: bool) -> Json:
    schema = response_schema([attribute], cells=cells, **options)
    cell = resolved(schema, schema["properties"][attribute.attribute_id])
    return resolved(schema, cell["properties"]["value"])


def resolved(schema: Json, part: Json) -> Json:
    found: Json = schema["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    return found


def test_one_required_property_per_attribute() -> None:
    """The object has exactly the asked attributes, all required, in the order asked."""
    schema = response_schema(ATTRIBUTES)
    assert list(schema["properties"]) == list(IDS)
    assert schema["required"] == list(IDS)
    assert schema["additionalProperties"] is False


def test_each_cell_is_rationale_value_confidence() -> None:
    """Every cell has the reason first, then the value, then the confidence, and no more."""
    for cell in response_schema(ATTRIBUTES)["properties"].values():
        assert list(cell["properties"]) == ["rationale", "value", "confidence"]
        assert cell["required"] == ["rationale", "value", "confidence"]
        assert cell["additionalProperties"] is False


def test_values_are_typed_from_the_catalogue() -> None:
    """Ratings are integer enums, categories text enums, the others their JSON type."""
    assert value_schema(READING) == {"type": "integer", "enum": [0, 1, 2, 3, 4, 5]}
    assert value_schema(LEADERSHIP) == {"type": "string", "enum": ["none", "team lead", "manager"]}
    assert value_schema(SHIFTS) == {"type": "boolean"}
    assert value_schema(TRAVEL) == {"type": "number"}
    assert value_schema(TOOLS) == {"type": "string"}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("0", "3", {"type": "integer", "enum": [0, 1, 2, 3]}),
        ("-2", "1", {"type": "integer", "enum": [-2, -1, 0, 1]}),
        ("0", "100", {"type": "integer"}),
        ("0.5", "4.5", {"type": "number"}),
    ],
)
def test_a_scale_decides_the_form(low: str, high: str, expected: Json) -> None:
    """A short whole scale is an enum, a long one an integer, a broken one a number."""
    scale = replace(READING, scale_minimum=Decimal(low), scale_maximum=Decimal(high))
    assert value_schema(scale) == expected


def test_confidence_is_an_integer_per_cent() -> None:
    """Confidence is an integer enum that reaches from 0 to 100."""
    schema = response_schema([READING])
    confidence = resolved(schema, schema["properties"]["reading"]["properties"]["confidence"])
    assert confidence["type"] == "integer"
    assert (min(confidence["enum"]), max(confidence["enum"])) == (0, 100)


def test_bounds_only_where_they_are_asked_for() -> None:
    """Texts and numbers are bounded where the server takes it; else no bound is mentioned."""
    assert value_schema(TOOLS, text_bounds=True) == {
        "type": "string",
        "minLength": 2,
        "maxLength": 200,
    }
    assert value_schema(TRAVEL, text_bounds=True) == {
        "type": "number",
        "minimum": 0,
        "maximum": 365,
    }
    half = replace(TRAVEL, scale_minimum=Decimal("0.5"), scale_maximum=None)
    assert value_schema(half, text_bounds=True) == {"type": "number", "minimum": 0.5}
    for word in ("Length", "imum"):
        assert word not in str(response_schema([*ATTRIBUTES, half]))


@pytest.mark.parametrize("dialect", ["openai", "azure"])
@pytest.mark.parametrize("size", range(1, len(ATTRIBUTES) + 1))
def test_strict_mode_takes_every_mix_of_types(size: int, dialect: str) -> None:
    """OpenAI's and Azure's strict mode refuse no combination of value types."""
    for mix in itertools.combinations(ATTRIBUTES, size):
        assert strict_schema_fault(response_schema(mix), dialect) is None


@pytest.mark.parametrize(
    ("form", "dialects"),
    [
        ("integers", {"openai", "azure", "flat"}),
        ("strings", {"openai", "azure", "flat", "strings"}),
        ("plain", {"openai", "azure", "flat", "strings", "plain"}),
    ],
)
@pytest.mark.parametrize("cells", CELLS)
def test_each_form_is_taken_where_it_is_meant_to_be(
    form: SchemaForm, dialects: set[str], cells: SchemaCells
) -> None:
    """A later form is taken by every server that takes an earlier one, and by some more.

    Shared cells need one that follows references from `$defs`, where there are any.
    """
    schema = response_schema(ATTRIBUTES, form=form, cells=cells)
    taken = dialects - {"flat"} if cells == "shared" and form != "plain" else dialects
    assert {name for name in DIALECTS if not strict_schema_fault(schema, name)} == taken
    assert form_of(json.dumps(response_format(ATTRIBUTES, form=form, cells=cells))) == form


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text_bounds", [True, False])
@pytest.mark.parametrize("cells", CELLS)
def test_every_form_asks_for_the_same_values(
    form: SchemaForm, text_bounds: bool, cells: SchemaCells
) -> None:
    """The same instance comes back in each form, and is read as the same values."""
    usual = instance_of(response_schema(ATTRIBUTES, text_bounds=text_bounds), "seed")
    schema = response_schema(ATTRIBUTES, text_bounds=text_bounds, form=form, cells=cells)
    other = instance_of(schema, "seed")
    assert (other != usual) == (form != "integers")
    read = read_cells(json.dumps(other), ATTRIBUTES, form)
    assert all(isinstance(cell, GoodCell) for cell in read.values())
    assert read == read_cells(json.dumps(usual), ATTRIBUTES)


@pytest.mark.parametrize("value", ["06", "6", " 4", "4.0", "four", "", True])
def test_a_text_that_is_no_number_of_the_scale_is_no_value(value: object) -> None:
    """In another form a value is checked as strictly as in the usual one."""
    cell = {"rationale": "why so", "value": value, "confidence": "70"}
    (read,) = read_cells(json.dumps({"reading": cell}), [READING], "strings").values()
    assert isinstance(read, BadCell)
    cell["value"] = "4"
    (read,) = read_cells(json.dumps({"reading": cell}), [READING], "strings").values()
    assert read == GoodCell("4", 0.7, "why so")
    (read,) = read_cells(json.dumps({"reading": cell}), [READING]).values()
    assert isinstance(read, BadCell)


def categories(count: int, values: int, length: int = 4) -> list[Attribute]:
    """So many categories of so many values."""
    allowed = tuple(f"{number:0{length}}" for number in range(values))
    return [
        replace(LEADERSHIP, attribute_id=f"c{number}", allowed_values=allowed)
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("attributes", "parts"),
    [
        ([*ATTRIBUTES, *categories(2, 400)], 1),
        ([*ATTRIBUTES, *categories(3, 400)], 2),
        (categories(5, 979), 5),
        (categories(3, 1200), 1),
        (categories(9, 200, 200), 5),
        (categories(2, 251, 60), 1),
    ],
)
def test_a_pack_is_cut_to_what_a_schema_may_hold(attributes: list[Attribute], parts: int) -> None:
    """A pack is as few requests as OpenAI's limits allow, each of which it takes."""
    forms = PackForms(Pack("p", tuple(attributes)), parameters={}, largest_completion_tokens=9)
    ids = tuple(attribute.attribute_id for attribute in attributes)
    found = forms.parts(ids)
    assert len(found) == parts
    assert tuple(chain.from_iterable(found)) == ids
    for part in found:
        schema = response_schema(forms.attributes(part))
        assert strict_schema_fault(schema, "openai") is None


def test_azure_allows_fewer_properties() -> None:
    """With 100 properties in all no more than 25 attributes are asked together."""
    many = tuple(replace(READING, attribute_id=f"a{number}") for number in range(60))
    ids = tuple(attribute.attribute_id for attribute in many)
    pack, rest = Pack("p", many), {"parameters": {}, "largest_completion_tokens": 9}
    assert PackForms(pack, **rest).parts(ids) == [ids]  # type: ignore[arg-type]
    parts = PackForms(pack, **rest, limits=AZURE_LIMITS).parts(ids)  # type: ignore[arg-type]
    assert [len(part) for part in parts] == [25, 25, 10]
    for part in parts:
        schema = response_schema(PackForms(pack, **rest).attributes(part))  # type: ignore[arg-type]
        assert strict_schema_fault(schema, "azure") is None


def test_a_schema_that_is_written_out_holds_less() -> None:
    """Without `$defs` every attribute has its own steps of confidence."""
    many = tuple(replace(READING, attribute_id=f"a{number}") for number in range(64))
    ids = tuple(attribute.attribute_id for attribute in many)
    pack, rest = Pack("p", many), {"parameters": {}, "largest_completion_tokens": 9}
    assert PackForms(pack, **rest, schema_form="strings").parts(ids) == [ids]  # type: ignore[arg-type]
    parts = PackForms(pack, **rest, schema_form="plain").parts(ids)  # type: ignore[arg-type]
    assert [len(part) for part in parts] == [37, 27]


@pytest.mark.parametrize(("values", "length"), [(980, 4), (1200, 4), (251, 60)])
def test_a_category_that_no_schema_may_list_is_a_text(values: int, length: int) -> None:
    """Its values stand in the prompt, and a reply is checked against them."""
    (large,) = categories(1, values, length)
    assert value_schema(large) == {"type": "string"}
    (listed,) = categories(1, min(values - 1, 979), 4)
    assert len(value_schema(listed)["enum"]) == len(listed.allowed_values)


def test_sixteen_attributes_pass_every_limit_even_written_out() -> None:
    """With references written out, 16 ratings stay under 500 enum values and 100 properties."""
    many = [replace(READING, attribute_id=f"a{number}") for number in range(16)]
    schema = response_schema(many)
    values = sum(len(definition.get("enum", ())) for definition in schema["$defs"].values())
    assert values * len(many) <= 500
    assert len(many) * 4 <= 100


def test_request_form_is_strict_json_schema() -> None:
    """The response format is a named, strict json_schema."""
    form = response_format([READING])
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    assert form["json_schema"]["name"].isidentifier()
    assert form["json_schema"]["schema"] == response_schema([READING])


def test_a_pydantic_model_gets_a_portable_schema() -> None:
    """A pydantic model's bounds and defaults do not reach the request; its fields do."""
    schema = model_response_format(ImputationResponse)["json_schema"]["schema"]
    for dialect in ("openai", "azure"):
        assert strict_schema_fault(schema, dialect) is None
    for word in ("minimum", "maximum", "default", "title"):
        assert f"'{word}'" not in str(schema)
    assert ImputationResponse.model_validate(instance_of(schema, "seed"))


@pytest.mark.parametrize(
    ("rationale", "order"),
    [
        ("before", ["rationale", "value", "confidence"]),
        ("after", ["value", "confidence", "rationale"]),
        ("none", ["value", "confidence"]),
    ],
)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cells", CELLS)
def test_the_reason_stands_where_it_is_asked_for(
    rationale: Rationale, order: list[str], form: SchemaForm, cells: SchemaCells
) -> None:
    """Before the value, after it, or not at all; replies are read so, in every form."""
    schema = response_schema(ATTRIBUTES, form=form, rationale=rationale, cells=cells)
    for part in schema["properties"].values():
        cell = resolved(schema, part)
        assert list(cell["properties"]) == cell["required"] == order
    sent = json.dumps(response_format(ATTRIBUTES, form=form, rationale=rationale, cells=cells))
    assert form_of(sent) == form
    assert has_rationale(sent) is (rationale != "none")
    assert "rationale" not in sent or rationale != "none"
    reply = json.dumps(instance_of(schema, "seed"))
    read = read_cells(reply, ATTRIBUTES, form, with_rationale=rationale != "none")
    assert all(isinstance(cell, GoodCell) for cell in read.values())
    assert {bool(cell.rationale) for cell in read.values()} == {rationale != "none"}


def test_each_place_of_the_reason_is_a_version_of_its_own() -> None:
    """The usual one is what it always was; what the others ask for is told in their order."""
    assert (prompt_version(), schema_version()) == (PROMPT_VERSION, SCHEMA_VERSION)
    for version in (prompt_version, schema_version):
        assert len({version("before"), version("after"), version("none")}) == 3
    said = {name: instructions(name) for name in ("before", "after", "none")}
    assert said["before"] == INSTRUCTIONS
    assert [said[name].count("- rationale:") for name in said] == [1, 1, 0]
    assert said["after"].index("- confidence:") < said["after"].index("- rationale:")
    assert all(text.endswith("\n") for text in said.values())


def test_each_way_to_write_cells_is_a_version_of_its_own() -> None:
    """Six versions; those of cells that are spelt out are what they always were."""
    places: tuple[Rationale, ...] = get_args(Rationale)
    assert [schema_version(place) for place in places] == ["1", "1-after", "1-none"]
    shared = [schema_version(place, "shared") for place in places]
    assert shared == ["2", "2-after", "2-none"]
    assert shared[0] == SHARED_SCHEMA_VERSION


def alike(count: int) -> list[Attribute]:
    """So many ratings on one scale."""
    return [replace(READING, attribute_id=f"a{number}") for number in range(count)]


def test_a_shared_cell_stands_once() -> None:
    """Each attribute is a reference, and its cell stands in `$defs` beside the confidence."""
    schema = response_schema(alike(16), cells="shared")
    assert set(map(str, schema["properties"].values())) == {str({"$ref": "#/$defs/rating"})}
    assert list(schema["$defs"]) == ["confidence", "rating"]
    assert schema["$defs"]["rating"] == {
        "type": "object",
        "properties": {
            "rationale": {"type": "string"},
            "value": {"type": "integer", "enum": [0, 1, 2, 3, 4, 5]},
            "confidence": {"$ref": "#/$defs/confidence"},
        },
        "required": ["rationale", "value", "confidence"],
        "additionalProperties": False,
    }
    assert len(json.dumps(schema)) < len(json.dumps(response_schema(alike(16)))) / 2


def test_only_the_same_cells_are_shared() -> None:
    """Another scale or other allowed values are another cell, in the order in which they come."""
    longer = replace(READING, attribute_id="longer", scale_maximum=Decimal(7))
    others = replace(LEADERSHIP, attribute_id="others", allowed_values=("no", "yes"))
    same = replace(LEADERSHIP, attribute_id="same")
    asked = [READING, LEADERSHIP, longer, others, same, SHIFTS, TOOLS, TRAVEL]
    schema = response_schema(asked, cells="shared")
    names = {name: one["$ref"].split("/")[-1] for name, one in schema["properties"].items()}
    assert names == {
        "reading": "rating",
        "leadership": "category",
        "longer": "rating_2",
        "others": "category_2",
        "same": "category",
        "shifts": "boolean",
        "tools": "text",
        "travel_days": "number",
    }
    assert list(schema["$defs"]) == ["confidence", *dict.fromkeys(names.values())]
    for one in asked:
        for text_bounds in (False, True):
            usual = value_schema(one, text_bounds=text_bounds)
            assert value_schema(one, "shared", text_bounds=text_bounds) == usual


def test_numbers_are_shared_where_their_bounds_are() -> None:
    """Bounds that a schema does not tell make no other cell."""
    week = replace(TRAVEL, attribute_id="week", scale_maximum=Decimal(7))
    for text_bounds, names in ((False, ["number"]), (True, ["number", "number_2"])):
        schema = response_schema([TRAVEL, week], text_bounds=text_bounds, cells="shared")
        assert list(schema["$defs"]) == ["confidence", *names]


@pytest.mark.parametrize("rationale", get_args(Rationale))
@pytest.mark.parametrize("text_bounds", [True, False])
def test_written_out_both_are_the_same(rationale: Rationale, text_bounds: bool) -> None:
    """The form `plain` has no references, of whichever cells: they are the same question."""
    plain = [
        json.dumps(
            response_schema(
                [*ATTRIBUTES, *categories(2, 9)],
                form="plain",
                text_bounds=text_bounds,
                rationale=rationale,
                cells=cells,
            )
        )
        for cells in CELLS
    ]
    assert plain[0] == plain[1]
    assert "$" not in plain[0]


def test_shared_cells_are_written_with_texts() -> None:
    """The form `strings` reaches the enums within shared cells."""
    schema = response_schema([READING], form="strings", cells="shared")
    value = schema["$defs"]["rating"]["properties"]["value"]
    assert value == {"type": "string", "enum": ["0", "1", "2", "3", "4", "5"]}
    assert schema["$defs"]["confidence"]["type"] == "string"


@pytest.mark.parametrize(("limits", "dialect"), [(AZURE_LIMITS, "azure"), (LIMITS, "openai")])
@pytest.mark.parametrize("form", FORMS)
def test_shared_cells_count_wherever_they_are_referred_to(
    limits: SchemaLimits, dialect: str, form: SchemaForm
) -> None:
    """A pack is cut as it is with cells that are spelt out, and no request is refused."""
    many = (*alike(60), *categories(2, 400))
    ids = tuple(attribute.attribute_id for attribute in many)
    parts = [
        PackForms(
            Pack("p", many),
            parameters={},
            largest_completion_tokens=9,
            schema_form=form,
            cells=cells,
            limits=limits,
        ).parts(ids)
        for cells in CELLS
    ]
    if dialect == "azure":
        assert max(len(part) for part in parts[1]) == 25
    assert tuple(chain.from_iterable(parts[1])) == ids
    assert len(parts[1]) <= len(parts[0])
    for part in parts[1]:
        asked = [one for one in many if one.attribute_id in part]
        schema = response_schema(asked, form=form, cells="shared")
        assert strict_schema_fault(schema, dialect) is None
