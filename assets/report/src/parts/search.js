// Where did this value come from? Of the cells on the page it says so; for others, how to ask.

import { absence } from "../absence.js";
import { datum, element, fresh, note, paragraph, section, table } from "../elements.js";
import { colour, nameOf } from "../sources.js";
import { state } from "../state.js";
import { colon, content, decimal, interval, moment, percent, say, short, term, whole } from "../words.js";
import { origin } from "./findings.js";

const MOST_FOUND = 10;

const keyOf = (cell) => JSON.stringify([cell.job_id, cell.attribute_id]);
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const titleOf = (cell) => content.search.jobs[cell.job_id]?.job_title ?? cell.job_id;

const cells = new Map(content.search.cells.map((cell) => [keyOf(cell), cell]));
const index = content.search.cells.map((cell) => [
  plain([cell.job_id, cell.attribute_id, titleOf(cell), cell.attribute_name].join(" ")), cell,
]);

export const cellOf = (cell) => cells.get(keyOf(cell));
export const has = (cell) => cells.has(keyOf(cell));

let results, answer, told;

// All words must be there: as they stand together they count most, then whole ones, beginnings, parts.
function score(text, words) {
  let points = ` ${text} `.includes(` ${words.join(" ")} `) ? 10 : 0;
  for (const word of words) {
    if (!text.includes(word)) return 0;
    points += ` ${text} `.includes(` ${word} `) ? 3 : ` ${text}`.includes(` ${word}`) ? 2 : 1;
  }
  return points;
}

function find() {
  const words = plain(state.query).split(/\s+/).filter(Boolean);
  if (!words.length) {
    results.replaceChildren();
    told.textContent = "";
    return;
  }
  const found = index.map(([text, cell]) => [score(text, words), cell]).filter(([points]) => points)
    .sort(([one], [other]) => other - one).map(([, cell]) => cell);
  told.textContent = !found.length ? say("found_none") : found.length > MOST_FOUND
    ? say("found_more", { shown: MOST_FOUND, count: found.length }) : say("found", { count: found.length });
  results.replaceChildren(...found.slice(0, MOST_FOUND).map((cell) => element("li", {},
    element("button", { type: "button", onclick: () => open(cell) },
      datum(titleOf(cell), "strong"), " ", datum(cell.attribute_name),
      element("span", { class: "below" }, nameOf(cell.fill_status))))));
}

export function open(cell) {
  const found = cellOf(cell);
  if (!found) return;
  state.cell = keyOf(cell);
  answer.replaceChildren(...shown(found));
  answer.querySelector("h3").focus();
  answer.scrollIntoView({ block: "start" });
}

// Measured, or not and why; never one in place of the other.
export function confidence(row) {
  const basis = term("basis", row.confidence_basis);
  return row.measured_confidence === undefined || row.measured_confidence === null
    ? say("unmeasured_because", { basis }) : say("measured_on", { share: percent(row.measured_confidence), basis });
}

function facts(rows) {
  return element("dl", { class: "facts" }, rows.filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => element("div", {}, element("dt", {}, say(name)),
      element("dd", {}, value instanceof Node ? value : datum(value)))));
}

function valueOf(cell) {
  const badge = element("span", { class: "badge" }, nameOf(cell.fill_status));
  badge.style.borderColor = colour(cell.fill_status);
  const value = cell.value === undefined ? say("open_cell") : cell.value;
  return element("p", { class: "value" }, datum(value, "strong"), " ", badge);
}

function candidates(cell) {
  if (!cell.candidates) {
    return absence("gold_job_attribute_provenance")
      ?? note(say(cell.value === undefined ? "no_candidates" : "candidates_lacking"));
  }
  return table(say("candidates"), [
    { title: say("rank_head"), number: true, value: (row) => whole(row.candidate_rank) },
    { title: say("value_head"), value: (row) => element("span", {}, datum(row.value),
      row.is_winner ? element("span", { class: "below" }, say("winner")) : null) },
    { title: say("source_head"), value: (row) => term("source", row.source_type) },
    { title: say("origin_head"), value: (row) => [row.dataset, row.dataset_release, row.source_record]
      .filter(Boolean).join(", ") },
    { title: say("level_head"), value: (row) => row.inheritance_level ? term("level", row.inheritance_level) : say("none") },
    { title: say("confidence_head"), value: confidence },
    // The winner's own stands among the facts above.
    ...(cell.candidates.some((row) => !row.is_same && row.rationale)
      ? [{ title: say("rationale_fact"), value: (row) => datum(row.rationale ?? say("none")) }] : []),
  ], cell.candidates.map((row) => (row.is_same ? { ...cell, ...row } : row)));
}

function history(cell) {
  const lacking = absence("gold_cell_history");
  if (lacking) return lacking;
  if (!cell.history) return note(say("no_history"));
  return element("ol", { class: "history" }, cell.history.map((row) => element("li", {},
    `${moment(row.changed_at)}${colon()}${term("change", row.change_kind)}. `,
    datum(row.value_before ?? say("none")), ` (${origin(row, "before")}) → `,
    datum(row.value_after ?? say("none")), ` (${origin(row, "after")})`,
    row.change_reason ? [" ", datum(row.change_reason)] : [])));
}

const QUOTED = (text) => `'${text.replaceAll("'", "''")}'`;
const WORD = (text) => (/^[\w.,:@%+=/-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", "'\\''")}'`);

function ways(job, attribute) {
  const options = job.startsWith("-") || attribute.startsWith("-") ? "-- " : "";
  return [
    element("pre", { tabindex: "0", role: "group", "aria-label": say("command") },
      element("code", {}, `jobforge why ${options}${WORD(job)} ${WORD(attribute)}`)),
    element("pre", { tabindex: "0", role: "group", "aria-label": say("query") }, element("code", {},
      "select * from gold_job_attribute_provenance\n"
      + `where job_id = ${QUOTED(job)}\n    and attribute_id = ${QUOTED(attribute)}\norder by candidate_rank;`)),
  ];
}

function shown(cell) {
  const queued = cell.queue?.[0];
  return [
    element("h3", { tabindex: "-1" }, datum(titleOf(cell)), colon(), datum(cell.attribute_name)),
    valueOf(cell),
    facts([
      ["job_fact", cell.job_id], ["attribute_fact", cell.attribute_id], ["domain_fact", cell.domain],
      ["reason_fact", cell.fill_reason],
      ["dataset_fact", cell.dataset], ["release_fact", cell.dataset_release], ["record_fact", cell.source_record],
      ["level_fact", cell.inheritance_level && term("level", cell.inheritance_level)],
      ["confidence_fact", cell.source_type && confidence(cell)],
      ["stated_fact", cell.stated_confidence === undefined ? undefined : percent(cell.stated_confidence)],
      ["interval_fact", cell.value_low === undefined ? undefined : say("interval_says", {
        interval: interval(cell.value_low, cell.value_high, short) })],
      ["rationale_fact", cell.rationale],
      ["model_fact", cell.model_used], ["prompt_fact", cell.prompt_version], ["request_fact", cell.request_id],
      ["when_fact", cell.imputed_at && moment(cell.imputed_at)],
      ["stale_fact", cell.is_stale === undefined ? undefined : say(cell.is_stale ? "stale" : "fresh")],
      ["run_fact", cell.dbt_invocation_id],
      ["queue_fact", queued && say("queued", {
        rank: queued.queue_rank === undefined ? say("sampled") : say("place", { rank: queued.queue_rank }),
        error: queued.expected_error === undefined ? say("not_measured") : decimal(queued.expected_error),
        basis: term("error_basis", queued.error_basis) })],
      ["comparable_fact", queued?.comparable_values],
      ["reviewed_fact", cell.reviewed_by && say("reviewed", { who: cell.reviewed_by, at: moment(cell.reviewed_at) })],
      ["review_reason_fact", cell.review_reason], ["reviews_fact", queued?.history],
    ]),
    element("h4", {}, say("candidates")), candidates(cell),
    cell.conflicts ? [element("h4", {}, say("conflicts")), element("ul", {}, cell.conflicts.map((row) =>
      element("li", {}, `${term("source", row.source_type)}${colon()}`, datum(row.value),
        ` · ${term("source", row.other_source_type)}${colon()}`, datum(row.other_value))))] : [],
    element("h4", {}, say("history")), history(cell),
    element("h4", {}, say("ask")), ...ways(cell.job_id, cell.attribute_id),
  ].flat();
}

function elsewhere() {
  const place = element("div");
  const names = fresh("attributes");
  const draw = () => {
    const job = state.job.trim(), attribute = state.attribute.trim();
    place.replaceChildren(...(job && attribute ? ways(job, attribute) : [note(say("elsewhere_hint"))]));
  };
  const field = (name, title, list) => {
    const id = fresh("field");
    return element("div", { class: "choice" }, element("label", { for: id }, title),
      element("input", { id, type: "text", list, value: state[name], autocomplete: "off", spellcheck: "false",
        oninput: (event) => { state[name] = event.target.value; draw(); } }));
  };
  draw();
  return element("details", {}, element("summary", {}, say("elsewhere")), paragraph(say("elsewhere_says")),
    element("div", { class: "choices" }, field("job", say("job_fact")), field("attribute", say("attribute_fact"), names)),
    element("datalist", { id: names }, content.coverage.heat_map.attributes.map((one) =>
      element("option", { value: one.attribute_id }, one.attribute_name))), place);
}

export function search() {
  const { cells: covered, of_cells: all } = content.search;
  const lacking = absence("gold_job_attributes");
  if (lacking) return section("search", say("search"), lacking);
  const id = fresh("search");
  results = element("ul", { class: "found" });
  told = element("p", { role: "status", class: "note" });
  answer = element("article", { "aria-label": say("answer") });
  const example = covered.find((cell) => cell.fill_status === "llm") ?? covered[0];
  const input = element("input", {
    id, type: "search", value: state.query, autocomplete: "off", spellcheck: "false",
    "aria-describedby": `${id}-covers`,
    oninput: (event) => { state.query = event.target.value; find(); },
  });
  const made = section("search", say("search"),
    element("p", { id: `${id}-covers` }, covered.length === all
      ? say("covers_all", { count: all }) : say("covers_part", { part: covered.length, count: all })),
    element("div", { class: "choice wide print-not" }, element("label", { for: id }, say("search_label")), input),
    example ? element("p", { class: "note print-not" }, `${say("example")} `, element("button", {
      type: "button", class: "link", onclick: () => {
        state.query = `${titleOf(example)} ${example.attribute_name}`;
        input.value = state.query;
        find();
      },
    }, datum(`${titleOf(example)} ${example.attribute_name}`))) : null,
    told, results, answer, elsewhere());
  find();
  if (state.cell && cells.has(state.cell)) answer.replaceChildren(...shown(cells.get(state.cell)));
  return made;
}
