// Does the model know when it is right? One curve for each model, feature and stratum.

import { absence, shownOf } from "../absence.js";
import { reliability as curve } from "../charts.js";
import { choice, element, figure, note, paragraph, section, table } from "../elements.js";
import { state } from "../state.js";
import { colon, content, decimal, interval, percent, say, term, whole } from "../words.js";

const keyOf = (row) => JSON.stringify([
  row.source_gap, row.domain, row.value_type, row.model_used, row.prompt_version, row.feature,
]);

function maps(rows) {
  const found = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (!found.has(key)) found.set(key, { key, row, bins: [], whole: null });
    if (row.stated_confidence === null) found.get(key).whole = row;
    else found.get(key).bins.push(row);
  }
  return [...found.values()].filter((one) => one.bins.length);
}

function nameOf({ row }, several) {
  const stratum = row.source_gap === null ? say("all_strata")
    : `${term("gap", row.source_gap)}, ${row.domain}, ${term("type", row.value_type)}`;
  const version = several ? ` (${row.prompt_version})` : "";
  return `${row.model_used}${version}, ${term("feature", row.feature)}${colon()}${stratum}`;
}

function judged({ whole: row }) {
  if (!row) return null;
  const lines = [say("reliability_right", { cells: row.cells, share: percent(row.right_share) })];
  if (row.measured_brier === null) lines.push(say("no_map_measured"));
  else {
    lines.push(say("brier", {
      stated: decimal(row.stated_brier), measured: decimal(row.measured_brier),
      stated_ece: decimal(row.stated_ece), measured_ece: decimal(row.measured_ece),
    }));
  }
  lines.push(row.interval_coverage === null ? say("no_intervals")
    : say("intervals", { count: row.interval_cells, share: percent(row.interval_coverage) }));
  return element("ul", {}, lines.map((line) => element("li", {}, line)));
}

export function reliability(redraw) {
  const { rows, total } = content.accuracy.gold_imputation_reliability;
  const lacking = absence("gold_imputation_reliability");
  if (lacking) return section("reliability", say("reliability"), lacking);
  const found = maps(rows);
  const several = new Set(found.map(({ row }) => row.prompt_version)).size > 1;
  const chosen = found.find((one) => one.key === state.map)
    ?? found.find((one) => one.row.source_gap === null && one.row.is_chosen) ?? found[0];
  if (!chosen) return section("reliability", say("reliability"), note(say("empty.gold_imputation_reliability")));
  const bins = chosen.bins.map((row) => ({
    ...row,
    title: `${say("bin", { stated: percent(row.stated_confidence), right: percent(row.right_share), count: row.cells })}\n${
      row.measured_confidence === null ? say("not_measured")
        : say("bin_measured", { measured: percent(row.measured_confidence),
          interval: interval(row.measured_confidence_low, row.measured_confidence_high, percent) })}`,
  })).sort((one, other) => one.stated_confidence - other.stated_confidence);
  return section("reliability", say("reliability"), paragraph(say("reliability_says")),
    judged(chosen),
    figure({
      title: say("reliability_of", { name: nameOf(chosen, several) }), says: say("curve_says"),
      control: choice(say("map_choice"), found.map((one) => [one.key, nameOf(one, several)]), chosen.key, (value) => {
        state.map = value;
        redraw();
      }),
      draw: (width) => curve(bins, width),
      alternative: table(say("reliability"), [
        { title: say("confidence_axis"), number: true, value: (row) => percent(row.stated_confidence) },
        { title: say("cells_head"), number: true, value: (row) => whole(row.cells) },
        { title: say("right_head"), number: true, value: (row) => percent(row.right_share) },
        { title: say("measured_confidence"), number: true, value: (row) => row.measured_confidence === null
          ? say("not_measured") : percent(row.measured_confidence) },
        { title: say("interval_head"), number: true,
          value: (row) => interval(row.measured_confidence_low, row.measured_confidence_high, percent) },
        { title: say("thin_head"), value: (row) => say(row.is_thin ? "thin" : "enough") },
      ], bins),
    }),
    shownOf(rows.length, total));
}
