// The first look: how many cells, how many are filled, and when the page was made.

import { absence } from "../absence.js";
import { element, note } from "../elements.js";
import { colour, nameOf } from "../sources.js";
import { content, moment, percent, say } from "../words.js";

export function summary() {
  const { made, coverage } = content;
  const { totals, counted, statuses } = coverage;
  const origin = note(say("made", { ...made, at: moment(made.at) }));
  const lacking = absence("gold_job_attributes");
  if (lacking || !totals) return [lacking, origin];
  const open = totals.cells - totals.filled_cells;
  const warnings = [];
  if (counted && counted.cells !== totals.cells) {
    warnings.push(say("differing_totals", { cells: totals.cells, counted: counted.cells }));
  }
  if (totals.invocations > 1) warnings.push(say("several_runs", { count: totals.invocations }));
  return [
    element("p", { class: "lead" }, say("summary", {
      jobs: totals.jobs, attributes: totals.attributes, cells: totals.cells,
      filled: totals.filled_cells, share: percent(totals.filled_cells / totals.cells),
    }), " ", open ? say("summary_open", { count: open }) : say("summary_closed")),
    element("dl", { class: "figures" }, statuses.map((row) => {
      const term = element("dt", {}, nameOf(row.fill_status));
      term.style.borderColor = colour(row.fill_status);
      return element("div", {}, term,
        element("dd", {}, percent(row.cells / totals.cells),
          element("span", { class: "below" }, say("cells", { count: row.cells }))));
    })),
    warnings.map((warning) => element("p", { class: "warning", role: "note" }, warning)),
    totals.invocations === 1 ? note(say("run", { run: totals.dbt_invocation_id })) : null,
    origin,
  ];
}
