// How far off the model is on known cells, beside baselines that cost nothing.

import { absence, shownOf } from "../absence.js";
import { intervals } from "../charts.js";
import { choice, element, figure, note, paragraph, section, table } from "../elements.js";
import { state } from "../state.js";
import { colon, content, decimal, interval, percent, roundPercent, say, term, whole } from "../words.js";

// The model first, then what costs nothing.
const ESTIMATORS = [
  "llm", "llm_expected", "tiers", "onet", "nearest", "five_nearest", "minor_group_mean", "attribute_mean",
];
const OF_MODEL = new Set(["llm", "llm_expected", "tiers"]);
const NUMBERS = new Set(["rating", "number"]);

const lineOf = (row) => JSON.stringify([row.estimator, row.model_used, row.prompt_version]);

function nameOf(row, models) {
  const name = term("estimator", row.estimator);
  return OF_MODEL.has(row.estimator) && models > 1 ? `${name} ${row.model_used ?? ""}` : name;
}

// By gap and value type: errors of different types have no scale in common.
function strata(rows) {
  const found = new Map();
  for (const row of rows) {
    const key = JSON.stringify([row.source_gap, row.value_type]);
    if (!found.has(key)) found.set(key, { key, gap: row.source_gap, type: row.value_type, rows: [], cells: 0 });
    const stratum = found.get(key);
    stratum.rows.push(row);
    stratum.cells = Math.max(stratum.cells, row.cells);
  }
  return [...found.values()].sort((one, other) => other.cells - one.cells || (one.key < other.key ? -1 : 1));
}

function drawn(stratum) {
  const models = new Set(stratum.rows.filter((row) => OF_MODEL.has(row.estimator))
    .map((row) => JSON.stringify([row.model_used, row.prompt_version]))).size;
  const numeric = NUMBERS.has(stratum.type);
  const [value, low, high] = numeric ? ["mae", "mae_low", "mae_high"] : ["exact", "exact_low", "exact_high"];
  const format = numeric ? decimal : roundPercent;
  return stratum.rows.filter((row) => row[value] !== null).map((row) => ({
    ...row, panel: row.domain, line: lineOf(row), value: row[value], low: row[low], high: row[high],
    name: nameOf(row, models), colour: OF_MODEL.has(row.estimator) ? "var(--llm)" : "var(--baseline)",
    title: `${row.domain}\n${nameOf(row, models)}${colon()}${format(row[value])} (${interval(row[low], row[high], format)})\n${say("cells", { count: row.cells })}`,
  }));
}

function plot(stratum, options, redraw) {
  const rows = drawn(stratum);
  const numeric = NUMBERS.has(stratum.type);
  const order = [...new Map(rows.map((row) => [row.line, row])).values()]
    .sort((one, other) => ESTIMATORS.indexOf(one.estimator) - ESTIMATORS.indexOf(other.estimator)
      || (one.line < other.line ? -1 : 1))
    .map((row) => [row.line, row.name]);
  const title = say("accuracy_of", { gap: term("gap", stratum.gap), type: term("type", stratum.type) });
  return figure({
    title, says: say(numeric ? "mae_says" : "exact_says"),
    control: choice(say("stratum_choice"), options, stratum.key, (value) => {
      state.stratum = value;
      redraw();
    }),
    draw: (width) => intervals({
      rows, order, axis: say(numeric ? "mae_axis" : "exact_axis"), format: numeric ? decimal : roundPercent,
      domain: numeric ? undefined : [0, 1],
    }, width),
  });
}

function verdicts(rows) {
  const judged = rows.filter((row) => row.estimator === "llm" && !row.is_thin && row.skill_low !== null);
  const thin = rows.filter((row) => row.estimator === "llm" && row.is_thin).length;
  const list = judged.map((row) => element("li", {}, say(
    row.skill_low > 0 ? "better" : row.skill_high < 0 ? "worse" : "not_shown",
    {
      domain: row.domain, type: term("type", row.value_type), gap: term("gap", row.source_gap),
      baseline: term("estimator", row.best_baseline), skill: percent(row.skill), cells: row.cells,
      interval: interval(row.skill_low, row.skill_high, percent),
    })));
  return [
    list.length ? element("ul", {}, list) : paragraph(say("no_verdict")),
    thin ? note(say("thin_strata", { count: thin })) : null,
  ];
}

export function accuracy(redraw) {
  const { rows, total } = content.accuracy.gold_imputation_accuracy;
  const lacking = absence("gold_imputation_accuracy");
  if (lacking) return section("accuracy", say("accuracy"), lacking);
  const measured = strata(rows.filter((row) => row.estimator !== null)).filter((one) => drawn(one).length);
  const unmeasured = rows.filter((row) => row.measurement !== "measured");
  const chosen = measured.find((one) => one.key === state.stratum) ?? measured[0];
  const options = measured.map((one) => [one.key, say("stratum", {
    gap: term("gap", one.gap), type: term("type", one.type), count: one.cells })]);
  return section("accuracy", say("accuracy"), paragraph(say("accuracy_says")),
    chosen ? verdicts(rows) : null,
    chosen ? plot(chosen, options, redraw) : note(say("nothing_measured")),
    shownOf(rows.length, total),
    element("details", {}, element("summary", {}, say("accuracy_rows")), table(say("accuracy"), [
      { title: say("gap_head"), value: (row) => term("gap", row.source_gap) },
      { title: say("domain_head"), value: (row) => row.domain },
      { title: say("type_head"), value: (row) => term("type", row.value_type) },
      { title: say("estimator_head"), value: (row) => row.estimator === null
        ? `${say("not_measured")}${colon()}${term("measurement", row.measurement)}` : nameOf(row, 2) },
      { title: say("cells_head"), number: true, value: (row) => whole(row.cells) },
      { title: say("mae_axis"), number: true, value: (row) => decimal(row.mae) },
      { title: say("interval_head"), number: true, value: (row) => interval(row.mae_low, row.mae_high) },
      { title: say("bias_head"), number: true, value: (row) => decimal(row.bias) },
      { title: say("exact_axis"), number: true, value: (row) => percent(row.exact) },
      { title: say("skill_head"), number: true, value: (row) => percent(row.skill) },
      { title: say("interval_head"), number: true, value: (row) => interval(row.skill_low, row.skill_high, percent) },
      { title: say("thin_head"), value: (row) => say(row.is_thin ? "thin" : "enough") },
    ], rows)),
    unmeasured.length ? note(say("unmeasured_strata", { count: unmeasured.length })) : null);
}
