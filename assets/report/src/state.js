// What the reader has chosen; it stays when the page is drawn again in the other language.

export const state = {
  query: "", cell: null, heatDomain: "", heatSource: null, stratum: null, map: null, job: "", attribute: "",
};
