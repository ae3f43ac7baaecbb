// The plots, each drawn by Observable Plot for a width.

import * as Plot from "@observablehq/plot";
import { nameOf, scale, statuses } from "./sources.js";
import { colon, decimal, percent, roundPercent, say, whole } from "./words.js";

const NAMES = { wide: 220, narrow: 140 };
const names = (width) => (width < 560 ? NAMES.narrow : NAMES.wide);
const tip = { ariaLabel: null, maxRadius: 24, fontSize: 12, lineHeight: 1.3, stroke: "var(--line)" };
const label = (text) => ({ label: text, labelArrow: "none" });

// The vertical axis of names, shortened where they are long.
function nameAxis(width, options = {}) {
  const margin = options.margin ?? names(width);
  return Plot.axisY({
    label: null, tickSize: 0, textOverflow: "ellipsis", lineWidth: margin / 13, fontSize: 12, ...options,
  });
}

// One bar a name, of shares by source.
export function shares(groups, width) {
  const rows = groups.flatMap((group) => statuses.filter((status) => group.of[status]).map((status) => ({
    name: group.name, status, share: group.of[status] / group.cells,
    title: `${group.name}\n${nameOf(status)}${colon()}${say("count_and_share", {
      cells: whole(group.of[status]), share: percent(group.of[status] / group.cells) })}`,
  })));
  return Plot.plot({
    width, height: groups.length * 26 + 50, marginLeft: names(width), marginRight: 28,
    marginTop: 4, marginBottom: 46, color: scale(),
    x: { ...label(say("share_of_cells")), domain: [0, 1], tickFormat: roundPercent, ticks: 5 },
    y: { domain: groups.map((group) => group.name), padding: 0.2 },
    marks: [
      nameAxis(width),
      Plot.barX(rows, {
        x: "share", y: "name", fill: "status", order: statuses, insetLeft: 0.5, insetRight: 0.5,
        title: "title", tip,
      }),
    ],
  });
}

// The room that the names below take, of which the longest are shortened.
const below = (columns) => 24 + 7.4 * Math.min(22, Math.max(...[...columns.values()].map((name) => name.length)));
const tileAxis = (order) => Plot.axisX({
  label: null, tickSize: 0, tickRotate: -90, fontSize: 12, textOverflow: "ellipsis", lineWidth: 12,
  tickFormat: (key) => order.get(key),
});
export const tilesWidth = (columns) => NAMES.narrow + 16 + columns * 14;

// Job by attribute, one tile a cell, coloured by where its value comes from.
export function cellTiles({ jobs, attributes, tiles, title, open }, width) {
  const svg = Plot.plot({
    width, height: jobs.size * 17 + below(attributes), marginLeft: names(width), marginRight: 8,
    marginTop: 4, marginBottom: below(attributes) - 8, color: scale(),
    x: { domain: [...attributes.keys()], padding: 0 },
    y: { domain: [...jobs.keys()], padding: 0 },
    marks: [
      nameAxis(width, { tickFormat: (key) => jobs.get(key) }),
      tileAxis(attributes),
      Plot.cell(tiles, {
        x: "attribute_id", y: "job_id", fill: "fill_status", inset: 0.75, title, tip,
        className: "tile",
      }),
    ],
  });
  // A click on the tile that the tip shows opens its cell; the search does so by keyboard.
  svg.addEventListener("click", () => { if (svg.value) open(svg.value); });
  return svg;
}

// Family by domain or attribute: the darker, the larger the share.
export function shareTiles({ rows, columns, tiles, fill }, width) {
  return Plot.plot({
    width, height: rows.length * 20 + below(columns), marginLeft: names(width), marginRight: 8,
    marginTop: 4, marginBottom: below(columns) - 8,
    x: { domain: [...columns.keys()], padding: 0 },
    y: { domain: rows, padding: 0 },
    opacity: { type: "linear", domain: [0, 1], range: [0, 1] },
    marks: [
      nameAxis(width),
      tileAxis(columns),
      Plot.cell(tiles, { x: "column", y: "row", fill: "none", stroke: "var(--line)", inset: 0.75 }),
      Plot.cell(tiles, { x: "column", y: "row", fill, fillOpacity: "share", inset: 0.75, title: "title", tip }),
    ],
  });
}

// Estimates with their intervals, one panel a domain; few cells are hollow.
export function intervals({ rows, order, axis, format = decimal, zero = true, domain, facet = "panel" }, width) {
  const panels = [...new Set(rows.map((row) => row[facet]))];
  const drawn = rows.map((row) => ({ ...row, fill: row.is_thin ? "var(--paper)" : row.colour }));
  const lines = order.length * 20 + 40;
  return Plot.plot({
    width, height: panels.length * lines + 72, marginLeft: names(width), marginRight: 28,
    marginTop: 24, marginBottom: 48,
    x: { ...label(axis), zero, domain, tickFormat: format, grid: true, nice: true, ticks: width < 560 ? 4 : 8 },
    y: { domain: order.map(([code]) => code), padding: 0.3 },
    fy: { domain: panels, label: null, axis: null, padding: 26 / lines },
    marks: [
      nameAxis(width, { tickFormat: (code) => new Map(order).get(code) }),
      Plot.text(panels, {
        fy: (panel) => panel, text: (panel) => panel, frameAnchor: "top-left", dy: -17, fontSize: 12,
        fontWeight: 600,
      }),
      Plot.frame({ stroke: "var(--line)" }),
      Plot.ruleY(drawn.filter((row) => row.low !== null && row.low !== undefined), {
        x1: "low", x2: "high", y: "line", fy: facet, stroke: "colour", strokeWidth: 2,
      }),
      Plot.dot(drawn, {
        x: "value", y: "line", fy: facet, fill: "fill", stroke: "colour", strokeWidth: 2, r: 4.5,
        title: "title", tip,
      }),
    ],
    color: { type: "identity" },
  });
}

// How often it was right where it was so sure, beside what gold says of such a cell.
export function reliability(bins, width) {
  const wide = Math.min(width, 640);
  const measured = bins.filter((row) => row.measured_confidence !== null);
  return Plot.plot({
    width: wide, height: Math.min(wide, 480), marginLeft: 56, marginRight: 28, marginBottom: 44, marginTop: 12,
    x: { ...label(say("confidence_axis")), domain: [0, 1], tickFormat: roundPercent, grid: true, ticks: 5 },
    y: { ...label(null), domain: [0, 1], tickFormat: roundPercent, grid: true, ticks: 5 },
    r: { domain: [0, Math.max(...bins.map((row) => row.cells))], range: [3, 16] },
    marks: [
      Plot.line([[0, 0], [1, 1]], { stroke: "currentColor", strokeDasharray: "3 4", strokeOpacity: 0.7 }),
      Plot.areaY(measured.filter((row) => row.measured_confidence_low !== null), {
        x: "stated_confidence", y1: "measured_confidence_low", y2: "measured_confidence_high",
        fill: "var(--llm)", fillOpacity: 0.2,
      }),
      Plot.lineY(measured, {
        x: "stated_confidence", y: "measured_confidence", stroke: "var(--llm)", strokeWidth: 2,
      }),
      Plot.dot(bins, {
        x: "stated_confidence", y: "right_share", r: "cells", stroke: "var(--authoritative)", strokeWidth: 2,
        fill: (row) => (row.is_thin ? "var(--paper)" : "var(--authoritative)"), fillOpacity: 0.85,
        title: "title", tip,
      }),
    ],
    color: { type: "identity" },
  });
}

// One bar a run or pair, stacked by kind.
export function counts({ rows, names: order, kinds, axis, format }, width) {
  return Plot.plot({
    width, height: order.length * 26 + 50, marginLeft: names(width), marginRight: 28, marginTop: 4,
    marginBottom: 46,
    x: { ...label(axis), tickFormat: format, ticks: width < 560 ? 3 : 6, grid: true },
    y: { domain: order, padding: 0.2 },
    color: { domain: kinds.map(([kind]) => kind), range: kinds.map(([, shade]) => shade) },
    marks: [
      nameAxis(width),
      Plot.barX(rows, {
        x: "count", y: "name", fill: "kind", order: kinds.map(([kind]) => kind), insetLeft: 0.5,
        insetRight: 0.5, title: "title", tip,
      }),
      Plot.ruleX([0]),
    ],
  });
}
