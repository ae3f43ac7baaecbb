// The kinds of a cell, by its fill status: their order, colours and legend.

import { element } from "./elements.js";
import { content, percent, say, term, whole } from "./words.js";

const OPEN = ["awaiting_llm", "refused", "failed", "set_aside"];
const KNOWN = ["review", "authoritative", "onet", "llm", ...OPEN];
const OWN_COLOURS = 4;

// In the order of precedence, as gold has it; what is open comes last.
export const statuses = [...new Set([
  ...content.coverage.statuses.map((row) => row.fill_status),
  ...content.coverage.by_domain.map((row) => row.fill_status),
])].sort((one, other) => OPEN.indexOf(one) - OPEN.indexOf(other));

const added = statuses.filter((status) => !KNOWN.includes(status));

export function colour(status) {
  if (KNOWN.includes(status)) return `var(--${status.replace("_", "-")})`;
  return `var(--added-${(added.indexOf(status) % OWN_COLOURS) + 1})`;
}

export const nameOf = (status) => term("status", status);

export const scale = () => ({ domain: statuses, range: statuses.map(colour) });

function swatch(status) {
  const made = element("span", { class: "swatch", "aria-hidden": "true" });
  made.style.background = colour(status);
  return made;
}

export function legend() {
  const all = content.coverage.totals?.cells ?? 0;
  const counts = new Map(content.coverage.statuses.map((row) => [row.fill_status, row.cells]));
  return element("ul", { class: "legend" }, statuses.map((status) =>
    element("li", {}, swatch(status), nameOf(status), " ",
      element("span", { class: "figure" }, counts.has(status)
        ? say("count_and_share", { cells: whole(counts.get(status)), share: percent(counts.get(status) / all) })
        : ""))));
}

export const plainLegend = () => element("ul", { class: "legend" }, statuses.map((status) =>
  element("li", {}, swatch(status), nameOf(status))));

// Groups of rows {name, fill_status, cells} as one row each, with the cells of every status.
export function byName(rows, other) {
  const groups = new Map();
  for (const row of rows) {
    const key = row.name ?? null;
    if (!groups.has(key)) groups.set(key, { name: key ?? other, cells: 0, of: {} });
    const group = groups.get(key);
    group.cells += row.cells;
    group.of[row.fill_status] = (group.of[row.fill_status] ?? 0) + row.cells;
  }
  return [...groups.values()];
}
