// What stands in for a table that is not there or has no rows: which one, and what to do.

import { note } from "./elements.js";
import { content, say } from "./words.js";

export function absence(table) {
  const found = content.tables[table];
  if (found === "missing") return note(say("missing", { what: say(`of.${table}`), table }));
  if (found === "empty") return note(say(`empty.${table}`));
  return null;
}

// Says where a table has more rows than the page shows.
export function shownOf(shown, total) {
  return shown < total ? note(say("shown_of", { shown, total })) : null;
}
