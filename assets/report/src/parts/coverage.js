// What was filled and from where: by domain, by job family, and cell by cell or share by share.

import { absence } from "../absence.js";
import { cellTiles, shares, shareTiles, tilesWidth } from "../charts.js";
import { choice, element, figure, note, paragraph, section, table } from "../elements.js";
import { byName, colour, legend, nameOf, plainLegend, statuses } from "../sources.js";
import { state } from "../state.js";
import { colon, content, percent, say, term, whole } from "../words.js";
import { cellOf, open } from "./search.js";

const columnsOf = (title) => [
  { title, value: (row) => row.name },
  { title: say("cells_head"), number: true, value: (row) => whole(row.cells) },
  ...statuses.map((status) => ({
    title: nameOf(status), number: true,
    value: (row) => say("count_and_share", {
      cells: whole(row.of[status] ?? 0), share: percent((row.of[status] ?? 0) / row.cells) }),
  })),
];

function bars(title, head, groups, counted) {
  return figure({
    title, says: say("bars_say"), legend: counted,
    draw: (width) => shares(groups, width),
    alternative: table(title, columnsOf(head), groups),
  });
}

function reasons() {
  const rows = content.coverage.reasons;
  if (!rows.length) return null;
  return element("div", {}, element("h3", {}, say("reasons")), table(say("reasons_caption"), [
    { title: say("status_head"), value: (row) => nameOf(row.fill_status) },
    { title: say("cells_head"), number: true, value: (row) => whole(row.cells) },
    { title: say("reason_head"), value: (row) => row.fill_reason ?? row.fill_reason_code ?? say("none") },
  ], rows));
}

function cellMap() {
  const { attributes, tiles } = content.coverage.heat_map;
  const titles = content.search.jobs;
  const jobs = new Map([...new Set(tiles.map((tile) => tile.job_id))].map((job) =>
    [job, titles[job]?.job_title ?? job]));
  const byId = new Map(attributes.map((one) => [one.attribute_id, one.attribute_name]));
  const title = (tile) => [
    jobs.get(tile.job_id), byId.get(tile.attribute_id), nameOf(tile.fill_status),
    cellOf(tile)?.value ?? "",
  ].filter(Boolean).join("\n");
  const rows = [...jobs].map(([job, name]) => ({ name, cells: 0, of: {}, job }));
  const byJob = new Map(rows.map((row) => [row.job, row]));
  for (const tile of tiles) {
    const row = byJob.get(tile.job_id);
    row.cells += 1;
    row.of[tile.fill_status] = (row.of[tile.fill_status] ?? 0) + 1;
  }
  return figure({
    title: say("cell_map"), says: say("cell_map_says"), legend: plainLegend(),
    least: tilesWidth(attributes.length),
    draw: (width) => cellTiles({ jobs, attributes: byId, tiles, title, open }, width),
    alternative: table(say("cell_map"), columnsOf(say("job_head")), rows),
  });
}

// Shares by family and domain, or by family and the attributes of one domain.
function shareMap(redraw) {
  const { attributes, families, statuses: names, counts: places } = content.coverage.heat_map;
  const counts = places.map(([family, attribute, status, cells]) => ({
    job_family: families[family], attribute_id: attributes[attribute].attribute_id, fill_status: names[status], cells,
  }));
  const status = state.heatSource ?? statuses[0];
  const domains = [...new Set(attributes.map((one) => one.domain))];
  const domain = domains.includes(state.heatDomain) ? state.heatDomain : "";
  const chosen = attributes.filter((one) => !domain || one.domain === domain);
  const column = new Map(chosen.map((one) => [one.attribute_id, domain ? one.attribute_id : one.domain]));
  const columns = new Map(chosen.map((one) => domain ? [one.attribute_id, one.attribute_name] : [one.domain, one.domain]));
  const other = say("other_families");
  const tiles = new Map();
  for (const row of counts) {
    if (!column.has(row.attribute_id)) continue;
    const name = row.job_family ?? other;
    const key = JSON.stringify([name, column.get(row.attribute_id)]);
    if (!tiles.has(key)) tiles.set(key, { row: name, column: column.get(row.attribute_id), cells: 0, part: 0 });
    tiles.get(key).cells += row.cells;
    if (row.fill_status === status) tiles.get(key).part += row.cells;
  }
  const drawn = [...tiles.values()].map((tile) => ({
    ...tile, share: tile.part / tile.cells,
    title: `${tile.row}\n${columns.get(tile.column)}\n${nameOf(status)}${colon()}${say("part_of", {
      part: tile.part, cells: tile.cells, share: percent(tile.part / tile.cells) })}`,
  }));
  const rows = [...new Set(counts.map((row) => row.job_family ?? other))];
  const at = new Map(drawn.map((tile) => [JSON.stringify([tile.row, tile.column]), tile]));
  return figure({
    title: say("share_map", { source: nameOf(status) }),
    says: say("share_map_says", { source: nameOf(status) }),
    least: tilesWidth(columns.size),
    control: element("div", { class: "choices" },
      choice(say("source_choice"), statuses.map((one) => [one, nameOf(one)]), status, (value) => {
        state.heatSource = value;
        redraw();
      }),
      choice(say("domain_choice"), [["", say("all_domains")], ...domains.map((one) => [one, one])], domain, (value) => {
        state.heatDomain = value;
        redraw();
      })),
    draw: (width) => shareTiles({ rows, columns, tiles: drawn, fill: colour(status) }, width),
    alternative: table(say("share_map", { source: nameOf(status) }), [
      { title: say("family_head"), value: (name) => name },
      ...[...columns].map(([key, title]) => ({
        title, number: true,
        value: (name) => {
          const tile = at.get(JSON.stringify([name, key]));
          return tile ? percent(tile.share) : say("none");
        },
      })),
    ], rows),
  });
}

export function coverage(redraw) {
  const { heat_map: map, counted } = content.coverage;
  const lacking = absence("gold_imputation_coverage");
  if (lacking) return section("coverage", say("coverage"), lacking);
  const families = byName(content.coverage.by_family, say("other_families"));
  const domains = byName(content.coverage.by_domain, say("other_domains"));
  const few = families.some((group) => group.name === say("other_families"));
  return section("coverage", say("coverage"), paragraph(say("precedence")),
    bars(say("by_domain"), say("domain_head"), domains, legend()),
    bars(say("by_family"), say("family_head"), families, plainLegend()),
    few ? note(say("families_shown", { shown: families.length - 1, total: counted.families })) : null,
    map.of === "cells" ? cellMap() : map.of === "families" ? shareMap(redraw) : note(say("no_map")),
    reasons());
}

// On what the confidence of the values rests; what nobody measured has no figure.
export function trust() {
  const rows = content.coverage.bases;
  if (!rows.length) return null;
  const cells = rows.reduce((sum, row) => sum + row.cells, 0);
  const measured = rows.reduce((sum, row) => sum + row.measured_cells, 0);
  return section("trust", say("trust"),
    paragraph(say("trust_says", { cells, measured, share: percent(measured / cells) })),
    table(say("trust_caption"), [
      { title: say("source_head"), value: (row) => term("source", row.source_type) },
      { title: say("basis_head"), value: (row) => term("basis", row.confidence_basis) },
      { title: say("cells_head"), number: true, value: (row) => whole(row.cells) },
      { title: say("measured_head"), value: (row) => row.measured_cells === row.cells
        ? say("yes") : row.measured_cells === 0 ? say("not_measured") : say("of_which", { count: row.measured_cells }) },
    ], rows));
}
