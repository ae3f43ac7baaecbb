// What is to be looked at: the review queue, conflicts between sources, the latest changes.

import { absence, shownOf } from "../absence.js";
import { counts } from "../charts.js";
import { datum, element, figure, paragraph, section, table } from "../elements.js";
import { colour } from "../sources.js";
import { colon, content, decimal, distinct, moment, percent, say, short, stamp, term, whole } from "../words.js";
import { has, open } from "./search.js";

const titleOf = (row) => row.job_title ?? content.search.jobs[row.job_id]?.job_title ?? row.job_id;
const attributeOf = (row) => row.attribute_name
  ?? content.coverage.heat_map.attributes.find((one) => one.attribute_id === row.attribute_id)?.attribute_name
  ?? row.attribute_id;

function cell(row) {
  const name = [datum(titleOf(row), "strong"), element("br"), datum(attributeOf(row))];
  if (!has(row)) return element("span", {}, name);
  return element("button", { type: "button", class: "link", title: say("show_cell"), onclick: () => open(row) }, name);
}

const value = (text, source) => element("span", {}, datum(text ?? say("none")), element("br"),
  element("span", { class: "below" }, source));

export function queue() {
  const { rows, total } = content.findings.gold_review_queue;
  const lacking = absence("gold_review_queue");
  if (lacking) return section("queue", say("queue"), lacking);
  return section("queue", say("queue"), paragraph(say("queue_says", { count: total })),
    table(say("queue_caption"), [
      { title: say("rank_head"), number: true, value: (row) => row.queue_rank === null ? say("sampled") : whole(row.queue_rank) },
      { title: say("cell_head"), value: cell },
      { title: say("value_head"), value: (row) => value(row.value, term("source", row.source_type)) },
      { title: say("expected_head"), value: (row) => row.expected_error === null ? say("not_measured")
        
        : value(decimal(row.expected_error), term("error_basis", row.error_basis)) },
      { title: say("weight_head"), number: true, value: (row) => short(row.weight) },
      { title: say("confidence_head"), value: (row) => row.measured_confidence === null
        ? say("not_measured") : percent(row.measured_confidence) },
    ], rows), shownOf(rows.length, total));
}

export function conflicts() {
  const { rows, total, parts } = content.findings.gold_source_conflicts;
  const lacking = absence("gold_source_conflicts");
  if (lacking) return section("conflicts", say("conflicts"), lacking);
  const pair = (row) => JSON.stringify([row.source_type, row.other_source_type]);
  const pairName = (row) => say("against", {
    one: term("source", row.source_type), other: term("source", row.other_source_type) });
  const kinds = [...new Map(parts.map((row) => [pair(row), row]))];
  const shades = new Map(kinds.map(([key, row], place) =>
    [key, place < 1 ? colour(row.other_source_type.toLowerCase()) : `var(--added-${((place - 1) % 4) + 1})`]));
  const drawn = parts.map((row) => ({
    name: row.domain, kind: pair(row), count: row.conflicts,
    title: `${row.domain}\n${pairName(row)}${colon()}${whole(row.conflicts)}`,
  }));
  const swatchOf = (key) => {
    const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = shades.get(key);
    return swatch;
  };
  return section("conflicts", say("conflicts"), paragraph(say("conflicts_say", { count: total })),
    figure({
      title: say("conflicts_plot"), says: say("conflicts_plot_says"),
      legend: element("ul", { class: "legend" },
        kinds.map(([key, row]) => element("li", {}, swatchOf(key), pairName(row)))),
      draw: (width) => counts({
        rows: drawn, names: [...new Set(drawn.map((row) => row.name))], axis: say("conflicts_head"), format: whole,
        kinds: [...shades],
      }, width),
      alternative: table(say("conflicts_plot"), [
        { title: say("domain_head"), value: (row) => row.domain },
        { title: say("sources_head"), value: pairName },
        { title: say("conflicts_head"), number: true, value: (row) => whole(row.conflicts) },
      ], parts),
    }), shownOf(parts.length, parts[0].parts),
    table(say("conflicts_caption"), [
      { title: say("cell_head"), value: cell },
      { title: say("better_head"), value: (row) => value(row.value, `${term("source", row.source_type)}${colon()}${row.source_record ?? say("none")}`) },
      { title: say("other_head"), value: (row) => value(row.other_value, `${term("source", row.other_source_type)}${colon()}${row.other_source_record ?? say("none")}`) },
      { title: say("difference_head"), number: true, value: (row) => short(row.difference) },
      { title: say("difference_share_head"), number: true, value: (row) => percent(row.difference_share) },
    ], rows), shownOf(rows.length, total));
}

const KINDS = [
  "authoritative", "llm", "onet", "added-1", "added-2", "added-3", "added-4", "baseline", "refused", "review",
].map((name) => `var(--${name})`);

export function changes() {
  const { rows, total, parts } = content.findings.gold_cell_history;
  const lacking = absence("gold_cell_history");
  if (lacking) return section("changes", say("changes"), lacking);
  const runs = new Map(parts.map((row) => [row.dbt_invocation_id ?? "", row.changed_at]));
  const names = distinct([...runs.values()].map(stamp));
  const runOf = new Map([...runs.keys()].map((run, place) => [run, names[place]]));
  const kinds = [...new Set(parts.map((row) => row.change_kind))].sort();
  const drawn = parts.map((row) => ({
    name: runOf.get(row.dbt_invocation_id ?? ""), kind: row.change_kind, count: row.changes,
    title: `${runOf.get(row.dbt_invocation_id ?? "")}\n${term("change", row.change_kind)}${colon()}${whole(row.changes)}`,
  }));
  return section("changes", say("changes"), paragraph(say("changes_say", { count: total })),
    figure({
      title: say("changes_plot"), says: say("changes_plot_says"),
      legend: element("ul", { class: "legend" }, kinds.map((kind, place) => {
        const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
        swatch.style.background = KINDS[place % KINDS.length];
        return element("li", {}, swatch, term("change", kind));
      })),
      draw: (width) => counts({
        rows: drawn, names: [...new Set(drawn.map((row) => row.name))], axis: say("changes_head"), format: whole,
        kinds: kinds.map((kind, place) => [kind, KINDS[place % KINDS.length]]),
      }, width),
      alternative: table(say("changes_plot"), [
        { title: say("run_head"), value: (row) => row.name },
        { title: say("change_head"), value: (row) => term("change", row.kind) },
        { title: say("changes_head"), number: true, value: (row) => whole(row.count) },
      ], drawn),
    }),
    table(say("changes_caption"), [
      { title: say("cell_head"), value: cell },
      { title: say("change_head"), value: (row) => value(term("change", row.change_kind), row.change_reason ?? "") },
      { title: say("before_head"), value: (row) => value(row.value_before, origin(row, "before")) },
      { title: say("after_head"), value: (row) => value(row.value_after, origin(row, "after")) },
      { title: say("when_head"), value: (row) => moment(row.changed_at) },
    ], rows), shownOf(rows.length, total));
}

export function origin(row, when) {
  const source = row[`source_type_${when}`] ?? null;
  const release = row[`dataset_release_${when}`] ?? null;
  const status = row[`fill_status_${when}`] ?? null;
  const name = source === null ? term("status", status) : term("source", source);
  return release === null ? name : `${name}, ${release}`;
}
