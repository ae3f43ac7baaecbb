"""The figures, names and codes in `seeds/` are those that their publishers released.

The published files are read here by plain code of its own, so that a fault in the project's readers
cannot hide one in the seeds.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
DATA = ROOT.parent / "shared" / "data"

OASIS_FILES = {
    "skills": "skills_oasis_2023_v1.0.csv",
    "abilities": "abilities_oasis_2023_v1.0.csv",
    "knowledges": "knowledges_oasis_2023_v1.0.csv",
    "personal_attributes": "personal-attributes_oasis_2023_v1.0.csv",
    "work_activities": "workactivities_oasis_2023_v1.0.csv",
    "work_context": "workcontext_oasis_2023_v1.0.csv",
}
GUIDE_CATEGORIES = {
    "skills": "Skills",
    "abilities": "Abilities",
    "knowledges": "Knowledge",
    "personal_attributes": "Personal Attributes",
    "work_activities": "Work Activities",
    "work_context": "Work Context",
}
# Headers whose wording differs from the guide's, matched by hand.
GUIDE_NAMES = {
    "Business Administration": "Business Management",
    "Client Services": "Client Service",
    "Vehicles and Machinery Operations": "Vehicle, Machinery and Equipment Operations",
    "Estimate Quantifiable Charact. of Prod., Events or Info.": (
        "Estimating the Quantifiable Characteristics"
    ),
    "Evaluating Information to Determine Compliance with Standards": (
        "Evaluating Information to Determine Compliance"
    ),
    "Using New Relevant Knowledge": "Applying New Knowledge",
    "Work Schedule": "Type of Work Schedules",
}
# Descriptors of which the guide does not say how they are measured.
UNMEASURED_IN_GUIDE = {"J01a03", "J02a05", "J02a08"}
ONET_TABLES = {
    "Skills": "29.3",
    "Knowledge": "29.3",
    "Work Styles": "29.3",
    "Abilities": "30.0",
    "Work Activities": "30.0",
}

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the publishers' files are not at {DATA}; nothing to compare with"
)

Row = dict[str, str]


def normalised(header: str) -> str:
    """Return the text with every run of blanks, no-break ones included, made one and trimmed."""
    return re.sub(r"[\s\u00a0]+", " ", header).strip()


def read_csv(path: Path, delimiter: str = ",") -> list[Row]:
    """Return the rows of a published file or a seed as text."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if delimiter == "\t":
            return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return list(csv.DictReader(file))


def demo(name: str) -> list[Row]:
    """Return the rows of a demo seed."""
    return read_csv(SEEDS / "demo" / f"demo_{name}.csv")


def reference(name: str) -> list[Row]:
    """Return the rows of a reference seed."""
    return read_csv(SEEDS / "reference" / f"{name}.csv")


def unit_groups() -> set[str]:
    """Return the unit groups that the demo's classification holds."""
    return {row["noc_code"] for row in demo("noc_structure") if row["noc_level"] == "5"}


def published_crosswalk() -> list[tuple[str, str, str]]:
    """Return the crosswalk's rows with their lost leading zeros."""
    rows = read_csv(DATA / "noc_onet_crosswalk" / "noc2021_onet26.csv")
    return [(row["noc"].zfill(5), row["onet"], row["onet_title"]) for row in rows]


def published_oasis(file_key: str) -> dict[tuple[str, str], str]:
    """Return the ratings of one OaSIS file by whole profile code and normalised header.

    The files that lost `.00` or a trailing zero lost them in codes; none of those codes collide.
    """
    with (DATA / "oasis_2023_v1_0" / OASIS_FILES[file_key]).open(
        encoding="utf-8-sig", newline=""
    ) as file:
        header, *rows = csv.reader(file)
    ratings: dict[tuple[str, str], str] = {}
    for code, _label, *values in rows:
        group, _, number = code.strip().partition(".")
        profile = f"{group.zfill(5)}.{number.ljust(2, '0')}"
        for column, value in zip(header[2:], values, strict=True):
            ratings[profile, normalised(column)] = value
    assert len({profile for profile, _ in ratings}) == 900
    return ratings


def published_guide() -> dict[str, Row]:
    """Return the guide's descriptors by code."""
    rows = read_csv(DATA / "oasis_2023_v1_0" / "guide_oasis_2023_v1.0.csv")
    return {row["Code"]: row for row in rows if row["Structure type"] == "Descriptor"}


def test_noc_structure_is_published_and_whole() -> None:
    """The demo's NOC classes are published ones, and no ancestor of a unit group is missing."""
    published = {
        row["Code - NOC 2021 V1.0"]: (row["Level"], row["Class title"])
        for row in read_csv(DATA / "noc_2021" / "noc_structure_en.csv")
    }
    rows = demo("noc_structure")
    for row in rows:
        assert (row["noc_level"], row["class_title"]) == published[row["noc_code"]]
    needed = {group[:length] for group in unit_groups() for length in range(1, 6)}
    assert {row["noc_code"] for row in rows} == needed
    assert {row["unit_group"] for row in demo("jobs")} - {""} == unit_groups()


def test_oasis_profiles_are_those_of_the_unit_groups() -> None:
    """The demo has every published profile of its unit groups, with the published label."""
    published = {
        (row["OaSIS profile code"], row["Label"])
        for row in read_csv(DATA / "oasis_2023_v1_0" / "labels_oasis_2023_v1.0.csv")
        if row["OaSIS profile code"][:5] in unit_groups()
    }
    rows = [(row["oasis_profile"], row["profile_label"]) for row in demo("oasis_profiles")]
    assert len(rows) == len(set(rows))
    assert set(rows) == published


def test_oasis_example_titles_are_those_of_the_profiles() -> None:
    """The demo has every published title of its profiles and no other."""
    published = Counter(
        (row["OaSIS profile code"], row["Job title text"])
        for row in read_csv(DATA / "oasis_2023_v1_0" / "example-titles_oasis_2023_v1.0.csv")
        if row["OaSIS profile code"][:5] in unit_groups()
    )
    titles = demo("oasis_example_titles")
    assert Counter((row["oasis_profile"], row["example_title"]) for row in titles) == published


def test_oasis_ratings_equal_the_published_ones() -> None:
    """Each demo rating that names OaSIS is the published cell, and no profile lacks one."""
    columns = {row["attribute_id"]: row for row in reference("oasis_attributes")}
    published = {key: published_oasis(key) for key in OASIS_FILES}
    profiles = {row["oasis_profile"] for row in demo("oasis_profiles")}
    attributes = {row["attribute_id"] for row in demo("attributes")} & columns.keys()

    rows = [row for row in demo("authoritative_values") if row["dataset"] == "OaSIS"]
    for row in rows:
        column = columns[row["attribute_id"]]
        cell = (row["scope_code"], column["oasis_column"])
        assert row["scope_level"] == "oasis_profile"
        assert row["dataset_release"] == "2023 v1.0"
        assert row["value"] == published[column["oasis_file"]][cell], cell

    cells = [(row["scope_code"], row["attribute_id"]) for row in rows]
    assert len(cells) == len(set(cells))
    assert set(cells) == {(profile, attribute) for profile in profiles for attribute in attributes}


def test_only_oasis_states_values_for_profiles() -> None:
    """No invented value is stated for an OaSIS profile, where it could pass for a published one."""
    datasets = {
        row["dataset"]
        for row in demo("authoritative_values")
        if row["scope_level"] == "oasis_profile"
    }
    assert datasets == {"OaSIS"}


def test_crosswalk_rows_equal_the_published_ones() -> None:
    """The demo has the crosswalk's rows of its unit groups, repeats included, and no other."""
    published = Counter(row for row in published_crosswalk() if row[0] in unit_groups())
    rows = Counter(
        (row["unit_group"], row["onet_soc_code"], row["onet_title"])
        for row in demo("noc_onet_crosswalk")
    )
    assert rows == published
    assert "64409" not in {group for group, _, _ in rows}


def test_onet_ratings_equal_the_published_ones() -> None:
    """The demo has every published rating of its codes, elements and scales, flags included.

    Levels that are not relevant are left out: they would fill cells that the recording answers.
    """
    wanted = {(row["element_id"], row["scale_id"]) for row in demo("attribute_onet_elements")}
    codes = {row["onet_soc_code"] for row in demo("noc_onet_crosswalk")}

    def flag(row: Row, name: str) -> str:
        return "" if row.get(name) in (None, "n/a") else row[name]

    published = Counter(
        (
            row["O*NET-SOC Code"],
            row["Element ID"],
            row["Element Name"],
            row["Scale ID"],
            row["Data Value"],
            flag(row, "Recommend Suppress"),
            flag(row, "Not Relevant"),
            "O*NET",
            release,
        )
        for table, release in ONET_TABLES.items()
        for row in read_csv(DATA / "onet_text" / f"{table}.txt", delimiter="\t")
        if row["O*NET-SOC Code"] in codes
        and (row["Element ID"], row["Scale ID"]) in wanted
        and (flag(row, "Not Relevant"), flag(row, "Recommend Suppress")) != ("Y", "N")
    )
    rows = Counter(tuple(row.values()) for row in demo("onet_ratings"))
    assert rows == published
    assert {rating[5] for rating in rows} == {"Y", "N", ""}
    assert {rating[6] for rating in rows} == {"Y", "N", ""}


def test_onet_scales_equal_the_published_ones() -> None:
    """The scales that ratings are rescaled from have the published ranges.

    One came with release 30.1, which has not been published when these files were.
    """
    published = [
        tuple(row.values())
        for row in read_csv(DATA / "onet_text" / "Scales Reference.txt", delimiter="\t")
    ]
    rows = [tuple(row.values()) for row in reference("onet_scales")]
    later = ("WI", "Work Styles Impact", "-3", "3")
    assert later in rows
    assert [row for row in rows if row != later] == published


def test_every_oasis_column_is_an_attribute_once() -> None:
    """The 245 rating columns of the six files are the attributes, once each, within their scale."""
    rows = reference("oasis_attributes")
    seeded = Counter((row["oasis_file"], row["oasis_column"]) for row in rows)
    highest: dict[tuple[str, str], int] = {}
    for key in OASIS_FILES:
        for (_, column), value in published_oasis(key).items():
            highest[key, column] = max(int(value), highest.get((key, column), 0))
    assert seeded == Counter(highest.keys())
    assert len(rows) == 245
    for row in rows:
        assert row["scale_minimum"] == "0"
        assert highest[row["oasis_file"], row["oasis_column"]] <= int(row["scale_maximum"])


def test_guide_codes_name_the_same_descriptor() -> None:
    """Each column's guide code is the descriptor of that name, seven of them matched by hand."""
    guide = published_guide()
    for row in reference("oasis_attributes"):
        column = row["oasis_column"]
        if row["oasis_file"] == "work_context":
            column = re.sub(r" ?\d+$", "", column)
        descriptor = guide[row["guide_code"]]
        expected = GUIDE_NAMES.get(column, column)
        assert normalised(descriptor["Name"]).lower() == expected.lower()
        assert descriptor["Category"] == GUIDE_CATEGORIES[row["oasis_file"]]


def test_measures_and_scales_are_the_guides() -> None:
    """Measure and scale are what the guide says, in its order where one name has two measures."""
    guide = published_guide()
    words = [
        *("proficiency", "knowledge level", "complexity", "frequency", "duration", "importance"),
        *("hours", "distance", "regular, irregular, or seasonal", "degree"),
    ]
    short = {"knowledge level": "level", "regular, irregular, or seasonal": "type"}

    for row in reference("oasis_attributes"):
        if row["guide_code"] in UNMEASURED_IN_GUIDE:
            assert row["measure"] == "frequency"
            continue
        sentence = guide[row["guide_code"]]["Description"].split("is measured by")[-1]
        parts = re.findall(r"(.*?)on a scale of 1-(\d)", sentence)
        second = bool(re.search(r"\d$", row["oasis_column"]))
        wording, maximum = parts[1 if second else 0]
        found = [short.get(word, word) for word in words if word in wording]
        assert row["measure"] in found
        assert row["scale_maximum"] == maximum


def test_second_measures_are_attributes_of_their_own() -> None:
    """Ten Work Context names are there twice, as two measures with two ids and two names."""
    rows = reference("oasis_attributes")
    twice = [code for code, count in Counter(r["guide_code"] for r in rows).items() if count == 2]
    assert len(twice) == 10
    for code in twice:
        pair = (row for row in rows if row["guide_code"] == code)
        first, second = sorted(pair, key=lambda row: len(row["attribute_id"]))
        assert first["measure"] != second["measure"]
        assert second["attribute_id"] == f"{first['attribute_id']}_{second['measure']}"
        assert first["attribute_name"].endswith(f"({first['measure']})")
        assert second["attribute_name"].endswith(f"({second['measure']})")


def test_element_map_is_the_judged_one_with_published_ids() -> None:
    """Every pair of the attribute map is in the seed under the element's published id and name."""
    columns = {
        (row["oasis_file"], row["oasis_column"]): row["attribute_id"]
        for row in reference("oasis_attributes")
    }
    tables = {
        "Skills": ("skills", "Skills"),
        "Abilities": ("abilities", "Abilities"),
        "Knowledge": ("knowledges", "Knowledge"),
        "Work Activities": ("work_activities", "Work Activities"),
        "Personal Attributes/Work Styles": ("personal_attributes", "Work Styles"),
    }
    published = {
        (table, row["Element Name"]): row["Element ID"]
        for table in ONET_TABLES
        for row in read_csv(DATA / "onet_text" / f"{table}.txt", delimiter="\t")
    }
    expected = set()
    for row in read_csv(DATA / "oasis_onet_attribute_map.csv"):
        if row["basis"] in ("exact_name", "judged") and row["domain"] in tables:
            file_key, table = tables[row["domain"]]
            attribute = columns[file_key, normalised(row["oasis_header"])]
            element = row["onet_element"]
            expected.add((attribute, published[table, element], element, row["basis"]))
    rows = reference("oasis_attribute_onet_elements")
    seeded = {
        (row["attribute_id"], row["element_id"], row["element_name"], row["basis"]) for row in rows
    }
    assert len(rows) == len(seeded) == 149
    assert seeded == expected


def test_demo_elements_are_the_reference_ones() -> None:
    """A demo attribute that is an OaSIS column has the reference's element, scale and basis."""
    columns = ("attribute_id", "element_id", "scale_id", "basis", "reason")
    known = {
        row["attribute_id"]: tuple(row[column] for column in columns)
        for row in reference("oasis_attribute_onet_elements")
    }
    oasis = {row["attribute_id"] for row in reference("oasis_attributes")}
    seeded = {row["attribute_id"]: tuple(row.values()) for row in demo("attribute_onet_elements")}
    wanted = {row["attribute_id"] for row in demo("attributes")} & oasis
    assert {key: seeded[key] for key in seeded if key in oasis} == {
        key: known[key] for key in wanted if key in known
    }


def test_onet_only_attributes_have_the_element_of_their_name() -> None:
    """A demo attribute that OaSIS does not rate stands on the O*NET element of the same name."""
    oasis = {row["attribute_id"] for row in reference("oasis_attributes")}
    names = {row["attribute_id"]: row["attribute_name"] for row in demo("attributes")}
    elements = {row["element_id"]: row["element_name"] for row in demo("onet_ratings")}
    only = [row for row in demo("attribute_onet_elements") if row["attribute_id"] not in oasis]
    assert len(only) == 8
    for row in only:
        assert elements[row["element_id"]] == names[row["attribute_id"]]


def run_benchmark(name: str, *options: str) -> list[Row]:
    """Return the rows that a measuring script prints."""
    script = ROOT / "benchmarks" / f"{name}.py"
    command = [sys.executable, str(script), "--data", str(DATA), *options]
    printed = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(csv.DictReader(printed.stdout.splitlines()))


def test_onet_agreement_is_what_is_measured() -> None:
    """The agreement by domain and basis is what the committed script measures."""
    columns = ("domain", "basis", "agreement", "pairs")
    seeded = [tuple(row[column] for column in columns) for row in reference("onet_agreement")]
    assert seeded == [tuple(row.values()) for row in run_benchmark("onet_agreement")]


def test_scales_are_the_better_agreeing_ones() -> None:
    """Level is taken where it agrees with OaSIS at least as well as importance, else importance."""
    spearman: dict[str, dict[str, float]] = {}
    for row in run_benchmark("onet_agreement", "--pairs"):
        spearman.setdefault(row["attribute_id"], {})[row["scale_id"]] = float(row["spearman"])
    seeded = reference("oasis_attribute_onet_elements")
    assert spearman.keys() == {row["attribute_id"] for row in seeded}
    for row in seeded:
        measured = spearman[row["attribute_id"]]
        better = "LV" if measured.get("LV", -1.0) >= measured["IM"] else "IM"
        assert row["scale_id"] == better, row["attribute_id"]
        assert f"{measured[better]:.2f}" in row["reason"]


def test_measured_inheritance_confidence_is_what_is_measured() -> None:
    """The confidence of the levels below the unit group's own is what the script measures."""
    measured = {
        row["inheritance_level"]: row["agreement"] for row in run_benchmark("inheritance_agreement")
    }
    seeded = {
        row["inheritance_level"]: row["confidence"] for row in reference("inheritance_levels")
    }
    assert measured.items() <= seeded.items()
    assert seeded.keys() - measured.keys() == {"job", "oasis_profile", "unit_group"}


def test_measured_share_of_inherited_ratings_is_what_is_measured() -> None:
    """How often an inherited rating is right, by level, and over how many pairs."""
    measured = {
        (row["inheritance_level"], row["right_share"], row["pairs"])
        for row in run_benchmark("inheritance_agreement")
    }
    assert measured == {
        (row["inheritance_level"], row["right_share"], row["pairs"])
        for row in reference("source_agreement")
        if row["source_type"] == "AUTHORITATIVE"
    }


def test_descriptions_are_not_the_publishers_sentences() -> None:
    """No description repeats a run of five words from the guide or from the content model."""

    def runs(text: str, length: int = 5) -> set[tuple[str, ...]]:
        words = re.findall(r"[a-z]+", text.lower())
        return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}

    content_model = read_csv(DATA / "onet_text" / "Content Model Reference.txt", delimiter="\t")
    published: set[tuple[str, ...]] = set()
    for row in [*published_guide().values(), *content_model]:
        published |= runs(row["Description"] or "")
    for row in demo("attributes"):
        assert not runs(row["description"]) & published, row["description"]
