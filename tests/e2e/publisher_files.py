"""A small world in the publishers' own formats, with every oddity that the real files have.

Five unit groups, six profiles, and jobs of an organisation whose file has its own column names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

BOM = "\ufeff"
NO_BREAK = "\u00a0"


def csv(*lines: str, end: str = "\n") -> str:
    """Return lines as a text with a BOM, as the publishers' files have."""
    return BOM + end.join(lines) + end


def tabs(*rows: str) -> str:
    """Return rows whose fields are cut by `|` as tab-delimited text."""
    return "\n".join(row.replace("|", "\t") for row in rows) + "\n"


# The vars under which the files below are read.
VARS: dict[str, Any] = {
    "input": "files",
    "jobs_file": "hr/positions.csv",
    "attributes_file": "hr/attributes.csv",
    "authoritative_values_file": "hr/ratings.csv",
    "columns": {
        "jobs": {
            "job_id": "Position Number",
            "job_title": "Position, as advertised",
            "job_family": None,
            "job_function": "Branch",
            "unit_group": "NOC",
        },
        "authoritative_values": {"dataset": "Survey", "dataset_release": "Year"},
    },
}

FILES = {
    # Header cells padded with blanks.
    "oasis/skills_oasis_2023_v1.0.csv": csv(
        "OaSIS Code - Final,OaSIS Label - Final,Reading Comprehension,Writing  , Digital Literacy",
        "00010.00,Legislators,5,4,4",
        "21231.01,Software engineers,4,3,5",
        "21231.02,Software designers,3,3,4",
        "31100.10,Surgical specialists,5,4,0",
        "31100.01,Clinical specialists,4,4,2",
        "64409.00,Information clerks,2,2,3",
    ),
    "oasis/abilities_oasis_2023_v1.0.csv": csv(
        "OaSIS Code - Final,OaSIS Label - Final,Categorization Flexibility ,Near Vision",
        "00010.00,Legislators,3,2",
    ),
    # `31100.10` lost its last zero.
    "oasis/knowledges_oasis_2023_v1.0.csv": csv(
        "OaSIS Code - Final,OaSIS Label - Final,Accounting,Clerical",
        "00010.00,Legislators,1,2",
        "31100.1,Surgical specialists,1,3",
        "31100.01,Clinical specialists,0,1",
    ),
    # No-break spaces in the header.
    "oasis/personal-attributes_oasis_2023_v1.0.csv": csv(
        "OaSIS Code - Final,OaSIS Label - Final,"
        f"{NO_BREAK} Active Learning, Adaptability,Leadership",
        "00010.00,Legislators,4,5,5",
    ),
    # Codes without `.00`, and one whose leading zeros are lost.
    "oasis/workactivities_oasis_2023_v1.0.csv": csv(
        'OaSIS Code - Final,OaSIS Label - Final,Getting Information,"Identifying Objects, '
        'Actions, and Events"',
        "10,Legislators,4,3",
        "64409,Information clerks,5,0",
    ),
    # Names that repeat with a digit are other measures.
    "oasis/workcontext_oasis_2023_v1.0.csv": csv(
        "OaSIS Code - Final,OaSIS Label - Final,Time Pressure,Time Pressure2,Sound and Noise,"
        "Sound and Noise 9,Contact With Others,Contact With Others10",
        "00010.00,Legislators,4,2,0,1,5,3",
    ),
    "oasis/labels_oasis_2023_v1.0.csv": csv(
        "OaSIS profile code,Label",
        "00010.00,Legislators",
        "21231.01,Software engineers",
        "21231.02,Software designers",
        "31100.10,Surgical specialists",
        "31100.01,Clinical specialists",
        "64409.00,Information clerks",
    ),
    "oasis/example-titles_oasis_2023_v1.0.csv": csv(
        "OaSIS profile code,Concordance number,Job title type,Job title text",
        "00010.00,1,Example,mayor",
        "21231.01,2,Example,software architect",
        '31100.10,3,Example,"surgeon, heart"',
        end="\r\n",
    ),
    "oasis/guide_oasis_2023_v1.0.csv": csv(
        "Code,Name,Structure type,Category,Description",
        "F01,Skills,Category,Skills,A category has no column",
        'F01b01,Reading Comprehension,Descriptor,Skills,"Reading, said the guide,\nover two lines"',
    ),
    # Quoted commas and line breaks.
    "noc/noc_structure_en.csv": csv(
        "Level,Hierarchical structure,Code - NOC 2021 V1.0,Class title,Class definition",
        '1,Broad Category,0,Legislative occupations,"Has a comma, and\na line break"',
        "2,Major Group,00,Legislative and senior managers,",
        "3,Sub-major Group,000,Legislative and senior managers,",
        "4,Minor Group,0001,Legislators and senior management,",
        "5,Unit Group,00010,Legislators,",
        "1,Broad Category,2,Natural and applied sciences,",
        "2,Major Group,21,Professionals in applied sciences,",
        "3,Sub-major Group,212,Professionals in computing,",
        "4,Minor Group,2123,Software and web developers,",
        '5,Unit Group,21231,"Software engineers, and designers",',
        "1,Broad Category,3,Health,",
        "2,Major Group,31,Professionals in health,",
        "3,Sub-major Group,311,Health treating professionals,",
        "4,Minor Group,3110,Physicians,",
        "5,Unit Group,31100,Specialists,",
        "5,Unit Group,31101,General practitioners,",
        "1,Broad Category,6,Sales and service,",
        "2,Major Group,64,Sales and service representatives,",
        "3,Sub-major Group,644,Customer service representatives,",
        "4,Minor Group,6440,Customer and information services,",
        "5,Unit Group,64409,Other customer services,",
    ),
    # Leading zeros are lost, and one pair stands there under two titles. 64409 is not mapped.
    "crosswalk/noc2021_onet26.csv": csv(
        "noc,noc_title,onet,onet_title",
        "10,Legislators,11-1031.00,Legislators",
        '21231,Software engineers,15-1252.00,"Software Developers, Applications"',
        '21231,Software engineers,15-1252.00,"Software Developers, Systems"',
        "21231,Software engineers,15-1211.00,Computer Systems Analysts",
        "31100,Specialists,29-1210.00,Physicians",
        "31101,General practitioners,29-1215.00,Family Medicine Physicians",
        end="\r\n",
    ),
    # `n/a` for none, suppressed and not-relevant rows, a lone quote in a name.
    "onet/Skills.txt": tabs(
        "O*NET-SOC Code|Element ID|Element Name|Scale ID|Data Value|N|Standard Error|"
        "Lower CI Bound|Upper CI Bound|Recommend Suppress|Not Relevant|Date|Domain Source",
        "11-1031.00|2.A.1.a|Reading Comprehension|LV|4.00|8|n/a|n/a|n/a|N|N|08/2023|Analyst",
        "15-1252.00|2.B.3.e|Programming|LV|5.25|8|n/a|n/a|n/a|N|N|08/2023|Analyst",
        "15-1211.00|2.B.3.e|Programming|LV|3.50|8|n/a|n/a|n/a|N|N|08/2023|Analyst",
        '15-1252.00|2.A.1.c|Writing in "clear|LV|3.50|8|n/a|n/a|n/a|n/a|n/a|08/2023|Analyst',
        "15-1211.00|2.A.1.c|Writing|LV|7.00|8|n/a|n/a|n/a|Y|N|08/2023|Analyst",
        "29-1215.00|2.A.1.c|Writing|LV|0.00|8|n/a|n/a|n/a|N|Y|08/2023|Analyst",
        "29-1215.00|2.A.1.a|Reading Comprehension|LV|5.25|8|n/a|n/a|n/a|N|N|08/2023|Analyst",
    ),
    "onet/Abilities.txt": tabs(
        "O*NET-SOC Code|Element ID|Element Name|Scale ID|Data Value|Recommend Suppress|"
        "Not Relevant",
        "29-1215.00|1.A.4.a.1|Near Vision|IM|5.00|N|n/a",
    ),
    "onet/Knowledge.txt": tabs(
        "O*NET-SOC Code|Element ID|Element Name|Scale ID|Data Value|Recommend Suppress|"
        "Not Relevant",
        "29-1215.00|2.C.1.b|Administrative|LV|3.50|N|N",
    ),
    # The first five columns only.
    "onet/Work Activities.txt": tabs(
        "O*NET-SOC Code|Element ID|Element Name|Scale ID|Data Value",
        "29-1215.00|4.A.1.a.1|Getting Information|LV|7.00",
    ),
    # No column `Not Relevant`.
    "onet/Work Styles.txt": tabs(
        "O*NET-SOC Code|Element ID|Element Name|Scale ID|Data Value|Recommend Suppress",
        "29-1215.00|1.C.2.b|Leadership|IM|3.00|N",
    ),
    # Quoted commas, line breaks and quotes, a bare carriage return, a no-break space, lost zeros.
    "hr/positions.csv": csv(
        'Position Number,"Position, as advertised", Branch ,NOC,Not used',
        "P1,Mayor,Council,10,x",
        'P2,"Software ""full stack""\nengineer",Digital,21231,',
        "P3,Software architect,Digital,21231.0,",
        "P4,Surgeon\rof the heart,Care,31100,",
        f'P5,"Surgeon, heart",{NO_BREAK}Care{NO_BREAK} ,31100,',
        "P6,Family physician,Care,31101,",
        "P7,Information clerk,,64409,",
        "P8,Poet in residence,,,",
        end="\r\n",
    ),
    # Lines end in carriage returns; one in quotes ends in a line feed.
    "hr/attributes.csv": csv(
        "attribute_id,attribute_name,domain,description,value_type,scale_minimum,scale_maximum,"
        "allowed_values,unit",
        'hr_clearance,Clearance,Organisation,"None, basic\nor secret",category,,,none| basic |'
        "secret,",
        "hr_on_call,On call,organisation,,boolean,,,,",
        "hr_team,Team,organisation,,number,0,,,people",
        "hr_tools,Tools,organisation,,text,,,,",
        "skills_programming,Programming,skills,,rating,0,5,,",
        end="\r",
    ),
    "hr/ratings.csv": csv(
        "scope_level,scope_code,attribute_id,value,Survey,Year",
        "broad_category,2,hr_clearance,basic,HR,2026",
        "major_group,00,hr_clearance,secret,HR,2026",
        "job,P8,hr_clearance,none,HR,2026",
        "unit_group,10,hr_on_call,TRUE,HR,2026",
        "minor_group,2123,hr_team,12.50,HR,2026",
        'job,P2,hr_tools,"a, b",HR,2026',
        "oasis_profile,31100.1,hr_tools,scalpel,HR,2026",
    ),
}


def write(folder: Path, changes: Mapping[str, str | None] | None = None) -> Path:
    """Write the files; a change replaces a file's text, None leaves the file out."""
    for name, text in {**FILES, **(changes or {})}.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text.encode())
    return folder


def with_lines(name: str, *lines: str) -> str:
    """Return a file's text with more lines at its end."""
    end = next(end for end in ("\r\n", "\r", "\n") if FILES[name].endswith(end))
    if name.endswith(".txt"):
        lines = tuple(line.replace("|", "\t") for line in lines)
    return FILES[name] + end.join(lines) + end
