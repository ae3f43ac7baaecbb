// How often each source is right, which model is worth its price, and what means over groups are worth.

import { absence, shownOf } from "../absence.js";
import { intervals } from "../charts.js";
import { figure, note, paragraph, section, table, unfold } from "../elements.js";
import { colour } from "../sources.js";
import { colon, content, decimal, interval, money, percent, roundPercent, say, term, whole } from "../words.js";

function sourceName(row) {
  const level = row.inheritance_level === null ? "" : `, ${term("level", row.inheritance_level)}`;
  return `${term("source", row.source_type)}${level}`;
}

export function agreement() {
  const { rows, total } = content.accuracy.gold_source_agreement;
  const lacking = absence("gold_source_agreement");
  if (lacking) return section("agreement", say("agreement"), lacking);
  const enough = rows.filter((row) => !row.is_thin && row.right_share !== null);
  const drawn = enough.map((row) => ({
    ...row, panel: sourceName(row), line: JSON.stringify([row.domain, row.value_type]),
    name: `${row.domain}, ${term("type", row.value_type)}`,
    value: row.right_share, low: row.right_share_low, high: row.right_share_high,
    colour: colour(row.source_type.toLowerCase()),
    title: `${sourceName(row)}\n${row.domain}${colon()}${percent(row.right_share)} (${interval(row.right_share_low, row.right_share_high, percent)})\n${say("pairs", { count: row.pairs })}`,
  }));
  const order = [...new Map(drawn.map((row) => [row.line, row.name]))];
  const thin = rows.length - enough.length;
  const all = table(say("agreement"), [
    { title: say("source_head"), value: sourceName },
    { title: say("domain_head"), value: (row) => row.domain },
    { title: say("type_head"), value: (row) => term("type", row.value_type) },
    { title: say("pairs_head"), number: true, value: (row) => whole(row.pairs) },
    { title: say("right_head"), number: true, value: (row) => percent(row.right_share) },
    { title: say("interval_head"), number: true,
      value: (row) => interval(row.right_share_low, row.right_share_high, percent) },
    { title: say("mae_axis"), number: true, value: (row) => decimal(row.mae) },
    { title: say("measured_confidence"), value: (row) => row.measured_confidence === null
      ? `${say("not_measured")}${colon()}${term("basis", row.confidence_basis)}`
      : `${percent(row.measured_confidence)} (${term("basis", row.confidence_basis)})` },
  ], rows);
  return section("agreement", say("agreement"), paragraph(say("agreement_says")),
    drawn.length ? figure({
      title: say("agreement_plot"), says: say("agreement_plot_says"), alternative: all,
      draw: (width) => intervals({
        rows: drawn, order, axis: say("right_head"), format: roundPercent, domain: [0, 1] }, width),
    }) : [note(say("agreement_thin")), unfold(say("as_table"), all)],
    thin && drawn.length ? note(say("thin_rows", { count: thin })) : null,
    shownOf(rows.length, total));
}

function verdict(row) {
  const words = row.is_cheapest_as_good ? [say("cheapest")]
    : row.is_as_good_as_best === null ? []
    : [say(row.is_as_good_as_best ? "as_good" : "worse_than_best")];
  if (!words.length || row.comparison !== "compared") words.push(term("comparison", row.comparison));
  return words.join("; ");
}

export function models() {
  const { rows, total } = content.accuracy.gold_model_comparison;
  const lacking = absence("gold_model_comparison");
  if (lacking) return section("models", say("models"), lacking);
  return section("models", say("models"), paragraph(say("models_say")),
    table(say("models"), [
      { title: say("model_head"), value: (row) => row.asked_model },
      { title: say("rationale_head"), value: (row) => term("rationale", row.asked_rationale) },
      { title: say("cells_head"), number: true, value: (row) => whole(row.compared_cells) },
      { title: say("error_head"), number: true, value: (row) => decimal(row.error) },
      { title: say("interval_head"), number: true, value: (row) => interval(row.error_low, row.error_high) },
      { title: say("right_head"), number: true, value: (row) => percent(row.right_share) },
      { title: say("price_head"), number: true, value: (row) => row.cost_per_1000_cells_usd === null
        ? say("price_unknown") : money(row.cost_per_1000_cells_usd) },
      { title: say("comparison_head"), value: verdict },
    ], rows), shownOf(rows.length, total));
}

export function estimates() {
  const { rows, total } = content.accuracy.gold_family_estimates;
  const lacking = absence("gold_family_estimates");
  if (lacking) return section("estimates", say("estimates"), lacking);
  const measured = rows.filter((row) => row.estimate !== null);
  return section("estimates", say("estimates"), paragraph(say("estimates_say")),
    measured.length ? null : note(say("no_estimate")),
    unfold(say("estimates_rows"), table(say("estimates"), [
      { title: say("group_head"), value: (row) => `${row.group_name} (${term("grouped", row.grouped_by)})` },
      { title: say("attribute_head"), value: (row) => row.attribute_name },
      { title: say("known_head"), number: true, value: (row) => whole(row.known_cells) },
      { title: say("imputed_head"), number: true, value: (row) => whole(row.imputed_cells) },
      { title: say("mean_head"), number: true, value: (row) => decimal(row.mean) },
      { title: say("estimate_head"), value: (row) => row.estimate === null
        ? `${say("not_measured")}${colon()}${term("measurement", row.measurement)}`
        : `${decimal(row.estimate)} (${interval(row.estimate_low, row.estimate_high)})` },
      { title: say("twins_head"), number: true, value: (row) => whole(row.twins) },
    ], rows), shownOf(rows.length, total)));
}
