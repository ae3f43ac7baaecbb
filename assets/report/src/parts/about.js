// Which tables the page is of, and where more is to be read.

import { element, paragraph, section, table, unfold } from "../elements.js";
import { content, say } from "../words.js";

export function about() {
  return section("about", say("about"), paragraph(say("about_says")),
    table(say("tables"), [
      { title: say("table_head"), value: ([name]) => element("code", {}, name) },
      { title: say("shows_head"), value: ([name]) => say(`of.${name}`) },
      { title: say("state_head"), value: ([, found]) => say(`state.${found}`) },
    ], Object.entries(content.tables)),
    paragraph(say("docs"), " ", element("code", {}, "dbt docs generate")),
    paragraph(say("library")),
    unfold(say("licences"), element("pre", { tabindex: "0", role: "group", "aria-label": say("licences") }, content.licences)));
}
