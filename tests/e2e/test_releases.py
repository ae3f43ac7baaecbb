"""Publishers' releases: each layout is seen from the files, and one var goes to the next one.

No file of the later releases is shipped: these are made here, in the layouts that they have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e import publisher_files
from e2e.publisher_files import FILES, csv, tabs
from e2e.runs import BUILD, Run, Warehouse

GOLD = "main.gold_job_attributes"
QUARANTINE = "main_intermediate.int_quarantined_rows"
FIGURES = [name for name in BUILD[BUILD.index("--exclude") + 1 : -1] if "history" not in name]
LATER = {"oasis_dir": "oasis_2025", "onet_dir": "db_30_3_text"}

ONET_HEADER = "O*NET-SOC Code|Element ID|Element Name|Scale ID|Data Value"
STYLES = tabs(
    f"{ONET_HEADER}|Date|Domain Source",
    "29-1215.00|1.D.1.a|Innovation|WI|-3.00|12/2025|AI/Expert",
    "29-1215.00|1.D.1.a|Innovation|DR|n/a|12/2025|AI/Expert",
    "29-1215.00|1.D.1.b|Perseverance|WI|2.50|12/2025|AI/Expert",
    "29-1215.00|1.D.1.b|Perseverance|DR|21|12/2025|AI/Expert",
)
# One rating stands in both files, and its element has a name in each.
ESSENTIAL = tabs(
    f"{ONET_HEADER}|Recommend Suppress|Not Relevant",
    "29-1215.00|2.A.1.a|Reading Comprehension|LV|5.60|N|N",
    "29-1215.00|2.A.1.c|Writing|LV|3.50|N|N",
)
TRANSFERABLE = tabs(
    f"{ONET_HEADER}|Recommend Suppress|Not Relevant",
    "15-1252.00|2.B.3.e|Programming|LV|5.25|N|N",
    "29-1215.00|2.A.1.c|Writing Well|LV|3.50|N|N",
)


def oasis_2025() -> dict[str, str]:
    """Return files in the layout of OaSIS 2025: semicolons, other names of files and columns.

    Names in the header hold commas without quotes; of two files the cut stayed a comma.
    """
    head = "Code OaSIS;OaSIS 2021 Labels"
    return {
        "skills_oasis_2025_v1.1.csv": csv(
            f"{head};Reading comprehension;Writing;Digital Literacy",
            "00010.00;Legislators;4;4;3",
            "31100.01;Clinical specialists;5;4;2",
        ),
        "abilities_oasis_2025_v1.1.csv": csv(f"{head};Near Vision", "00010.00;Legislators;2"),
        "knowledge_oasis_2025_v.1.1.csv": csv(
            f"{head};Accounting;Training, Mentoring and Coaching;Beekeeping",
            "00010.00;Legislators;1;3;2",
            "31100.01;Clinical specialists;0;2;2",
        ),
        "personal-attributes_oasis_2025_v1.1.csv": csv(
            f"{head};Leadership", "00010.00;Legislators;5"
        ),
        "work-activities_oasis_2025_v1.1.csv": csv(
            f"{head};Identifying Objects, Actions, and Events;Data Gathering",
            "00010.00;Legislators;3;2",
        ),
        "work-context_oasis_2025_v1.1.csv": csv(
            f"{head};Time Pressure;Time Pressure2", "00010.00;Legislators;4;2"
        ),
        "guide_oasis_2025_v4.0.csv": csv(
            "Column1;Column2;Column3;Column4;Column5;Column6",
            "Code;Structure Type;Name;Description;;",
            "F01b;Category;Reading;Not a descriptor;;",
            "F01b01;Descriptor;Reading Comprehension;Reading, said the later guide;;",
        ),
        "labels_oasis_2025_v1.0.csv": csv(
            "OaSIS profile code,Label",
            "00010.00,Legislators",
            "31100.01,Clinical specialists",
            end="\r\n",
        ),
        "example-titles_oasis_2025_v1.0.csv": csv(
            "OaSIS profile code,Concordance number,Job title type,Job title text",
            "00010.00,1,Example,mayor",
        ),
    }


def write_later_releases(folder: Path) -> None:
    """Write the later releases beside the earlier ones, each into a folder of its own."""
    publisher_files.write(folder)
    later = {f"{LATER['oasis_dir']}/{name}": text for name, text in oasis_2025().items()}
    onet = {
        "Essential Skills.txt": ESSENTIAL,
        "Transferable Skills.txt": TRANSFERABLE,
        "Work Styles.txt": STYLES,
        **{
            name: FILES[f"onet/{name}"]
            for name in ("Abilities.txt", "Knowledge.txt", "Work Activities.txt")
        },
    }
    later.update({f"{LATER['onet_dir']}/{name}": text for name, text in onet.items()})
    for name, text in later.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


@dataclass(frozen=True)
class Upgrade:
    """One warehouse built on the earlier releases and then on the later ones."""

    warehouse: Warehouse
    before: dict[tuple[str, str], tuple[str, str]]
    run: Run

    def value(self, job_id: str, attribute_id: str) -> tuple[str, ...]:
        """Return value, dataset and release of a cell of gold."""
        ((*shown,),) = self.warehouse.query(
            f"select value, dataset, dataset_release from {GOLD}"
            " where job_id = $1 and attribute_id = $2",
            job_id,
            attribute_id,
        )
        return tuple(shown)


@pytest.fixture(scope="module")
def upgrade(new_warehouse: Callable[..., Warehouse]) -> Upgrade:
    """Build on the earlier releases, and on the later ones by their folders' vars."""
    vars = {
        **publisher_files.VARS,
        "llm_mode": "off",
        # These small files have fewer rows than the earlier ones, which is no fault here.
        "input_max_drop_share": 1,
        "columns": {
            **publisher_files.VARS["columns"],
            "oasis_work_activities": {"Getting Information": "Data Gathering"},
        },
    }
    warehouse = new_warehouse("releases", **vars)
    warehouse.vars["data_dir"] = str(warehouse.folder / "data")
    write_later_releases(warehouse.folder / "data")
    options = ("run", "--exclude", *FIGURES)
    warehouse.dbt("seed").ok()
    warehouse.dbt(*options).ok()
    before = {
        (job, attribute): (dataset, release)
        for job, attribute, dataset, release in warehouse.query(
            f"select job_id, attribute_id, dataset, dataset_release from {GOLD}"
            " where source_type in ('AUTHORITATIVE', 'ONET')"
        )
    }
    return Upgrade(warehouse, before, warehouse.dbt(*options, vars=LATER).ok())


def test_the_files_tell_their_release(upgrade: Upgrade) -> None:
    """Values are named by the release that they are of, before and after."""
    assert {pair for pair in upgrade.before.values() if pair[0].startswith("O")} == {
        ("OaSIS", "2023 v1.0"),
        ("O*NET Skills", "29.3"),
        ("O*NET Work Styles", "29.3"),
        ("O*NET Work Activities", "29.3"),
        ("O*NET Knowledge", "29.3"),
    }
    after = upgrade.warehouse.query(
        f"select distinct dataset, dataset_release from {GOLD} where dataset like 'O%' order by all"
    )
    assert after == [
        ("O*NET Knowledge", "30.3"),
        ("O*NET Skills", "30.3"),
        ("O*NET Work Activities", "30.3"),
        ("OaSIS", "2025 v1.1"),
    ]


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("skills_reading_comprehension", "4"),
        ("knowledge_training_mentoring_and_coaching", "3"),
        ("work_activities_identifying_objects_actions_and_events", "3"),
        # By the var columns.
        ("work_activities_getting_information", "2"),
    ],
)
def test_oasis_2025_is_read(upgrade: Upgrade, attribute: str, value: str) -> None:
    """Semicolons, renamed files and columns, and commas in a header are read."""
    assert upgrade.value("P1", attribute) == (value, "OaSIS", "2025 v1.1")


def test_the_later_guide_is_read(upgrade: Upgrade) -> None:
    """A line above the header, four columns and empty ones beside them are read."""
    assert upgrade.warehouse.query(
        "select attribute_id, description from main_intermediate.int_attributes"
        " where description is not null and attribute_id not like 'hr_%'"
    ) == [("skills_reading_comprehension", "Reading, said the later guide")]
    assert "guide_oasis*.csv describes 244 attributes of OaSIS's catalogue nowhere" in (
        upgrade.run.output
    )


def test_an_unknown_column_is_named_once(upgrade: Upgrade) -> None:
    """A rating column that nobody knows is one row of the quarantine, not one for each profile."""
    ((file, row, attribute, reason),) = upgrade.warehouse.query(
        f"select source_file, source_row, attribute_id, reason from {QUARANTINE}"
        " where input = 'authoritative_values' and is_error and attribute_id not like 'hr_%'"
    )
    assert file.endswith("/knowledge_oasis_2025_v.1.1.csv")
    assert (row, attribute) == (2, "Beekeeping")
    assert "the column `Beekeeping` is none of OaSIS that the project knows" in reason
    assert "its ratings of 2 profiles are not read" in reason
    assert "knowledge_oasis*.csv has no rating in " in upgrade.run.output


def test_both_skills_files_are_skills(upgrade: Upgrade) -> None:
    """Essential and Transferable Skills are one table, and a rating in both is one."""
    assert upgrade.value("P6", "skills_reading_comprehension") == ("4", "O*NET Skills", "30.3")
    assert upgrade.warehouse.query(
        "select element_id, count(*) from main_staging.stg_onet__skills group by all order by all"
    ) == [("2.A.1.a", 1), ("2.A.1.c", 1), ("2.B.3.e", 1)]


def test_work_styles_of_later_releases_are_no_error(upgrade: Upgrade) -> None:
    """Impact is a rating on its scale, the rank is left out by rule, and no row is at fault."""
    assert upgrade.warehouse.query(
        f"select row_key, reason, is_error from {QUARANTINE} where input = 'onet_ratings'"
        " order by all"
    ) == [
        (element, "scale_id: DR is left out by rule; see seeds/reference/onet_rules.csv", False)
        for element in ("1.D.1.a", "1.D.1.b")
    ]
    assert upgrade.warehouse.query(
        "select rating, onet_minimum, onet_maximum"
        " from main_intermediate.int_onet_ratings_checked where scale_id = 'WI' and is_usable"
        " order by all"
    ) == [(-3.0, -3.0, 3.0), (2.5, -3.0, 3.0)]


def test_a_domain_that_lost_its_elements_is_named(upgrade: Upgrade) -> None:
    """That O*NET fills no personal attribute any more is said before anybody is asked."""
    assert ("P6", "personal_attributes_leadership") in upgrade.before
    words = "rate none of the elements that stand in for 10 attributes of personal attributes"
    (said,) = {line for line in upgrade.run.lines if words in line}
    assert "(such as 1.C.2.b on the scale IM)" in said


def test_the_history_names_the_new_release(upgrade: Upgrade) -> None:
    """What the upgrade changed is in the history, cell by cell."""
    kinds = dict(
        upgrade.warehouse.query(
            "select change_kind, count(*) from main.gold_cell_history"
            " where dataset_release_before in ('2023 v1.0', '29.3')"
            " and dataset_release_after in ('2025 v1.1', '30.3') group by all"
        )
    )
    assert kinds["new_release"] > 0


@pytest.fixture(scope="module")
def half_there(new_warehouse: Callable[..., Warehouse]) -> str:
    """Try folders in which a layout is half there, or two are, and vars that name no file."""
    warehouse = new_warehouse("half_there", **publisher_files.VARS, llm_mode="off", **LATER)
    data = warehouse.folder / "data"
    warehouse.vars["data_dir"] = str(data)
    write_later_releases(data)
    oasis, onet = data / LATER["oasis_dir"], data / LATER["onet_dir"]
    (onet / "Transferable Skills.txt").unlink()
    (onet / "Work Styles.txt").write_text(STYLES.replace("\tWI\t", "\tZZ\t"), encoding="utf-8")
    skills = oasis / "skills_oasis_2025_v1.1.csv"
    skills.write_text(skills.read_text("utf-8").replace("Code OaSIS", "Code"), encoding="utf-8")
    guide = oasis / "guide_oasis_2025_v4.0.csv"
    guide.write_text(guide.read_text("utf-8").replace("Descriptor", "Leaf"), encoding="utf-8")
    (oasis / "abilities_oasis_2025_v1.1.csv").rename(oasis / "capacities.csv")
    (oasis / "work-context_oasis_2025_v1.1.csv").write_text(
        "Code OaSIS;OaSIS 2021 Labels\n00010.00;Legislators\n", encoding="utf-8"
    )
    command = ("run", "--select", "stg_files__jobs")
    first = warehouse.dbt(*command, vars={"publisher_files": {"oasis_abilities": "capacities.csv"}})
    (onet / "Skills.txt").write_text(FILES["onet/Skills.txt"], encoding="utf-8")
    (onet / "Transferable Skills.txt").write_text(TRANSFERABLE, encoding="utf-8")
    second = warehouse.dbt(*command)
    third = warehouse.dbt(
        *command, vars={"publisher_files": {"oasis_ability": "x.csv", "onet_skills": [1]}}
    )
    assert [run.code for run in (first, second, third)] == [2, 2, 2]
    assert "abilities" not in first.output
    return first.output + second.output + third.output


@pytest.mark.parametrize(
    "words",
    [
        "Transferable Skills.txt (input onet_ratings) is not there, and ",
        "Work Styles.txt is of a release of O*NET that is not read: its scales are DR, ZZ, and",
        "skills_oasis_2025_v1.1.csv has no column `OaSIS Code - Final` or `Code OaSIS` or",
        "guide_oasis_2025_v4.0.csv has no row whose `Structure type` is Descriptor",
        "work-context_oasis_2025_v1.1.csv has no rating column",
        "abilities_oasis*.csv (input authoritative_values) is not there: correct the var oasis_dir",
        "are of two releases, and both hold the same ratings (input onet_ratings)",
        "the var publisher_files names `oasis_ability`; the tables are oasis_skills, ",
        "the var publisher_files gives onet_skills the files `[1]`; name one file, or several",
    ],
)
def test_a_layout_that_is_half_there_is_named(half_there: str, words: str) -> None:
    """The run stops, and says which file or column is missing or too many."""
    assert words in half_there


def test_a_guide_of_other_codes_stops_the_run(new_warehouse: Callable[..., Warehouse]) -> None:
    """Descriptions under the wrong attributes would go into every request."""
    warehouse = new_warehouse("other_guide", **publisher_files.VARS, llm_mode="off")
    warehouse.vars["data_dir"] = str(warehouse.folder / "data")
    guide = "oasis/guide_oasis_2023_v1.0.csv"
    publisher_files.write(
        warehouse.folder / "data",
        {guide: FILES[guide].replace("F01b01,Reading", "f.01.b.02,Reading")},
    )
    warehouse.dbt("seed").ok()
    run = warehouse.dbt("run", "--select", "+stg_files__attributes")
    assert run.code == 1
    assert "gives its codes to other descriptors: of 1 that the catalogue has 0 bear" in run.output
    assert "F01b02 is `Reading Comprehension` and not `Writing`" in run.output
