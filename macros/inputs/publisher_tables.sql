{# What is known of the files that publishers release, table by table: the one list of
   layouts. Which release lies there is seen from the files that are there and from their
   headers, so that a later release needs no other setting than its folder.

   input     the input that the table serves
   folder    the var of its folder; without one `file` is the var of the file itself
   layouts   the names of its files, release by release; all names of a layout are needed.
             The first name of the first is that by which its rows are counted
   columns   the columns that it cannot do without, each with the names it has had
   optional  those that some releases lack
   is_wide   every other column is a rating column
   is_split  what one release has in one file stands in several in another: files of two
             layouts say the same, so only one layout may be there #}
{% macro publisher_tables() %}
    {% set profile = {
        "oasis_profile": [
            "OaSIS Code - Final", "Code OaSIS", "OaSIS Code", "OaSIS 2021 Codes",
            "OaSIS profile code",
        ],
        "profile_label": [
            "OaSIS Label - Final", "OaSIS 2021 Labels", "OaSIS Label", "OaSIS Labels", "Label",
        ],
    } %}
    {% set tables = {} %}
    {% for table, layouts in {
        "oasis_skills": [["skills_oasis*.csv"]],
        "oasis_abilities": [["abilities_oasis*.csv"]],
        "oasis_knowledges": [["knowledges_oasis*.csv"], ["knowledge_oasis*.csv"]],
        "oasis_personal_attributes": [["personal-attributes_oasis*.csv"]],
        "oasis_work_activities": [
            ["workactivities_oasis*.csv"], ["work-activities_oasis*.csv"],
        ],
        "oasis_work_context": [["workcontext_oasis*.csv"], ["work-context_oasis*.csv"]],
    }.items() %}
        {% do tables.update({table: {
            "input": "authoritative_values", "folder": "oasis_dir", "layouts": layouts,
            "columns": profile, "is_wide": true,
        }}) %}
    {% endfor %}
    {% do tables.update({
        "oasis_guide": {
            "input": "attributes", "folder": "oasis_dir", "layouts": [["guide_oasis*.csv"]],
            "columns": {
                "guide_code": ["Code"], "descriptor_name": ["Name"],
                "structure_type": ["Structure type"], "description": ["Description"],
            },
        },
        "oasis_profiles": {
            "input": "oasis_profiles", "folder": "oasis_dir",
            "layouts": [["labels_oasis*.csv"]],
            "columns": {
                "oasis_profile": ["OaSIS profile code"] + profile.oasis_profile[:-1],
                "profile_label": ["Label"] + profile.profile_label[:-1],
            },
        },
        "oasis_example_titles": {
            "input": "oasis_example_titles", "folder": "oasis_dir",
            "layouts": [["example-titles_oasis*.csv"]],
            "columns": {
                "oasis_profile": ["OaSIS profile code"] + profile.oasis_profile[:-1],
                "example_title": ["Job title text"],
            },
        },
        "noc_structure": {
            "input": "noc_structure", "file": "noc_structure_file",
            "columns": {
                "noc_level": ["Level"], "noc_code": ["Code - NOC 2021 V1.0"],
                "class_title": ["Class title"],
            },
        },
        "noc_onet_crosswalk": {
            "input": "noc_onet_crosswalk", "file": "noc_onet_crosswalk_file",
            "columns": {
                "unit_group": ["noc"], "onet_soc_code": ["onet"], "onet_title": ["onet_title"],
            },
        },
    }) %}
    {% for table, layouts in {
        "onet_skills": [["Skills.txt"], ["Essential Skills.txt", "Transferable Skills.txt"]],
        "onet_abilities": [["Abilities.txt"]],
        "onet_knowledge": [["Knowledge.txt"]],
        "onet_work_activities": [["Work Activities.txt"]],
        "onet_work_styles": [["Work Styles.txt"]],
    }.items() %}
        {% do tables.update({table: {
            "input": "onet_ratings", "folder": "onet_dir", "layouts": layouts,
            "columns": {
                "onet_soc_code": ["O*NET-SOC Code"], "element_id": ["Element ID"],
                "element_name": ["Element Name"], "scale_id": ["Scale ID"],
                "data_value": ["Data Value"],
            },
            "optional": {
                "recommend_suppress": ["Recommend Suppress"], "not_relevant": ["Not Relevant"],
            },
            "is_split": layouts | length > 1,
        }}) %}
    {% endfor %}
    {{ return(tables) }}
{% endmacro %}

{# The tables that an input is read from, where it is read from publishers' files. #}
{% macro publisher_tables_of(input) %}
    {% set names = [] %}
    {% for name, table in publisher_tables().items() if table.input == input and (
        input not in ["attributes", "authoritative_values"] or is_from_oasis_files(input)
    ) %}
        {% do names.append(name) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}

{# Where a table's files are: the paths that were found, the name under which they are
   looked for, and what is wrong with that. #}
{% macro publisher_paths(name) %}
    {% set table = publisher_tables()[name] %}
    {% set place = table.folder if "folder" in table else table.file %}
    {% set own = var("publisher_files").get(name) if "folder" in table %}
    {% set layouts = [[own] if own is string else own] if own
        else table.layouts if "folder" in table else [[var(place)]] %}
    {% set there, half = [], [] %}
    {% for layout in layouts %}
        {% set present, absent = [], [] %}
        {% for file in layout %}
            {% set path = var(place) ~ "/" ~ file if "folder" in table else file %}
            {% set paths = glob_names(path_pattern(path)) %}
            {% do (present if paths else absent).append({
                "path": data_dir() ~ "/" ~ path, "paths": paths,
            }) %}
        {% endfor %}
        {% if present %}
            {% do there.append(present) %}
        {% endif %}
        {% if present and absent %}
            {% do half.append([present, absent]) %}
        {% endif %}
    {% endfor %}
    {% set first = data_dir() ~ "/" ~ (
        var(place) ~ "/" ~ layouts[0] | join(" and ") if "folder" in table else layouts[0][0]
    ) %}
    {% set files, looked_for, problems = [], [], [] %}
    {% for present in there %}
        {% for file in present %}
            {% do looked_for.append(file.path) %}
            {% do files.extend(file.paths) %}
        {% endfor %}
    {% endfor %}
    {% if not there %}
        {% do problems.append(
            "the file " ~ first ~ " (input " ~ table.input ~ ") is not there: correct the var "
            ~ place ~ " or data_dir" ~ (
                "" if "folder" not in table else ", or name it in the var publisher_files ("
                ~ name ~ ")"
            )
        ) %}
    {% elif table.get("is_split") and there | length > 1 %}
        {% do problems.append(
            "the files " ~ looked_for | join(", ") ~ " are of two releases, and both hold the "
            ~ "same ratings (input " ~ table.input ~ "): leave those of one"
        ) %}
    {% else %}
        {% for present, absent in half %}
            {% do problems.append(
                "the file " ~ absent | map(attribute="path") | join(", ") ~ " (input "
                ~ table.input ~ ") is not there, and " ~ present | map(attribute="path")
                | join(", ") ~ " holds only a part without it: get it from the same release"
            ) %}
        {% endfor %}
    {% endif %}
    {{ return({
        "files": files, "problems": problems,
        "path": looked_for | join(" and ") if looked_for else first,
        "var": place,
        "source": table.layouts[0][0] if "folder" in table else place,
        "is_split": looked_for | length > 1 and table.get("is_split", false),
    }) }}
{% endmacro %}

{# What is wrong with the var `publisher_files`. #}
{% macro publisher_files_problems() %}
    {% set problems = [] %}
    {% set names = [] %}
    {% for name, table in publisher_tables().items() if "folder" in table %}
        {% do names.append(name) %}
    {% endfor %}
    {% for name, files in var("publisher_files").items() %}
        {% if name not in names %}
            {% do problems.append(
                "the var publisher_files names `" ~ name ~ "`; the tables are "
                ~ names | join(", ")
            ) %}
        {% elif not files or files is mapping or files is number
            or (files is not string and files | select("string") | list != files | list) %}
            {% do problems.append(
                "the var publisher_files gives " ~ name ~ " the files `" ~ files
                ~ "`; name one file, or several in a list"
            ) %}
        {% endif %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}
