// What was sent and what it cost; what has no known price is said, and in no sum.

import { absence, shownOf } from "../absence.js";
import { counts } from "../charts.js";
import { element, figure, note, paragraph, section, table, unfold } from "../elements.js";
import { colon, content, distinct, money, percent, say, stamp, whole } from "../words.js";

const cost = (row) => row.cost_usd === null ? say("price_unknown") : money(row.cost_usd);
const sums = () => [
  { title: say("cost_head"), number: true, value: cost },
  { title: say("calls_head"), number: true, value: (row) => whole(row.calls) },
  { title: say("attempts_head"), number: true, value: (row) => whole(row.attempts) },
  { title: say("fruitless_head"), number: true, value: (row) => whole(row.attempts_without_answer) },
  { title: say("tokens_in_head"), number: true, value: (row) => whole(row.prompt_tokens) },
  { title: say("tokens_cached_head"), number: true, value: (row) => whole(row.cached_tokens) },
  { title: say("tokens_out_head"), number: true, value: (row) => whole(row.completion_tokens) },
  { title: say("answered_head"), number: true, value: (row) => whole(row.cells_answered) },
  { title: say("refused_head"), number: true, value: (row) => whole(row.cells_refused) },
  { title: say("unpriced_head"), number: true, value: (row) => whole(row.attempts_without_price) },
  { title: say("uncounted_head"), number: true, value: (row) => whole(row.attempts_without_usage) },
];

const kindOf = (row) => (row.is_backtest ? "backtest" : "cells");

function runs(rows, total) {
  const names = distinct(rows.map((row) => stamp(row.first_sent_at)));
  const drawn = rows.map((row, place) => {
    const name = names[place];
    return {
      ...row, name, kind: kindOf(row), count: row.cost_usd ?? 0,
      title: `${name}\n${say(`spent_on.${kindOf(row)}`)}${colon()}${cost(row)}\n${say("answered", { count: row.cells_answered })}`,
    };
  });
  const priced = drawn.filter((row) => row.cost_usd !== null);
  const all = table(say("by_run"), [
    { title: say("run_head"), value: (row) => row.name },
    { title: say("spent_head"), value: (row) => say(`spent_on.${row.kind}`) },
    ...sums(),
  ], drawn);
  if (!priced.length) return [note(say("no_price_at_all")), unfold(say("as_table"), all)];
  return [
    figure({
      title: say("by_run"), says: say("by_run_says"), alternative: all,
      legend: element("ul", { class: "legend" },
        ["cells", "backtest"].map((kind) => {
          const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
          swatch.style.background = kind === "cells" ? "var(--llm)" : "var(--baseline)";
          return element("li", {}, swatch, say(`spent_on.${kind}`));
        })),
      draw: (width) => counts({
        rows: priced, names: priced.map((row) => row.name), axis: say("cost_head"), format: money,
        kinds: [["cells", "var(--llm)"], ["backtest", "var(--baseline)"]],
      }, width),
    }),
    shownOf(rows.length, total),
  ];
}

export function costs() {
  const { totals, runs: rows, parts } = content.costs;
  const lacking = absence("gold_imputation_usage");
  if (lacking) return section("costs", say("costs"), lacking);
  const unknown = [];
  if (totals.attempts_without_price) unknown.push(say("without_price", { count: totals.attempts_without_price }));
  if (totals.attempts_without_usage) unknown.push(say("without_usage", { count: totals.attempts_without_usage }));
  return section("costs", say("costs"),
    paragraph(totals.cost_usd === null ? say("cost_unknown", { count: totals.runs })
      : say("cost_says", { count: totals.runs, cost: money(totals.cost_usd) }), " ",
    say("usage_says", {
      calls: totals.calls, attempts: totals.attempts, answered: totals.cells_answered,
      in: totals.prompt_tokens, cached: percent(totals.prompt_tokens ? totals.cached_tokens / totals.prompt_tokens : 0),
      out: totals.completion_tokens,
    })),
    unknown.map((text) => note(text)),
    runs(rows, totals.bars),
    element("h3", {}, say("by_model")),
    table(say("by_model"), [
      { title: say("model_head"), value: (row) => row.model_requested },
      { title: say("domain_head"), value: (row) => row.domain }, ...sums(),
    ], parts), shownOf(parts.length, totals.parts));
}
