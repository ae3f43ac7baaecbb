// The page's own words, and numbers and moments as its language writes them.
// Texts of the warehouse are never translated.

export const content = JSON.parse(document.getElementById("content").textContent);
const LOCALES = { en: "en-CA", fr: "fr-CA" };

export let language = content.language;
let formats = {};

export function speak(chosen) {
  language = chosen;
  const locale = LOCALES[chosen];
  const number = (options) => new Intl.NumberFormat(locale, options);
  formats = {
    whole: number({ maximumFractionDigits: 0 }),
    decimal: number({ maximumFractionDigits: 2, minimumFractionDigits: 2 }),
    short: number({ maximumFractionDigits: 2 }),
    percent: number({ style: "percent", maximumFractionDigits: 1 }),
    roundPercent: number({ style: "percent", maximumFractionDigits: 0 }),
    money: number({ style: "currency", currency: "USD" }),
    smallMoney: number({ style: "currency", currency: "USD", maximumSignificantDigits: 2 }),
    moment: new Intl.DateTimeFormat(locale, {
      dateStyle: "medium", timeStyle: "short", timeZone: "UTC",
    }),
    plural: new Intl.PluralRules(locale),
  };
}

// A text by its key; `{name}` stands for a value, and with a `count` the text has a plural.
export function say(key, values = {}) {
  const texts = content.texts[language];
  const kind = "count" in values ? formats.plural.select(values.count) : "other";
  const text = texts[key] ?? texts[`${key}.${kind}`] ?? texts[`${key}.other`];
  if (text === undefined) throw new Error(`the page has no text ${key}`);
  return unbroken(text).replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the text ${key} needs ${name}`);
    return typeof value === "number" ? whole(value) : value;
  });
}

// No line begins with a sign that belongs to the word before it.
const unbroken = (text) => text.replace(/ (?=[:;?!%»])/g, "\u00a0").replace(/« /g, "«\u00a0");

// A code of a closed list in words; a code that the page does not know stands as it is.
export function term(list, code) {
  if (code === null || code === undefined) return say("none");
  return content.texts[language][`${list}.${code}`] ?? String(code);
}

const unless = (format) => (value) =>
  value === null || value === undefined ? say("none") : format(value);

export const whole = unless((value) => formats.whole.format(value));
export const decimal = unless((value) => formats.decimal.format(value));
export const short = unless((value) => formats.short.format(value));
export const roundPercent = unless((value) => formats.roundPercent.format(value));
// A share that is not all, or not none, is never written as if it were.
export const percent = unless((value) => {
  if (value > 0.999 && value < 1) return `> ${formats.percent.format(0.999)}`;
  if (value < 0.001 && value > 0) return `< ${formats.percent.format(0.001)}`;
  return formats.percent.format(value);
});
export const money = unless((value) =>
  (value !== 0 && Math.abs(value) < 0.1 ? formats.smallMoney : formats.money).format(value));
export const moment = unless((value) => `${formats.moment.format(new Date(value))} UTC`);
// A moment as short as it can be, for the names of bars.
export const stamp = (value) => (value ? value.slice(0, 16).replace("T", " ") : say("none"));

export const colon = () => say("colon");

// Names in their order; one that was there before gets a number.
export function distinct(names) {
  const seen = new Map();
  return names.map((name) => {
    seen.set(name, (seen.get(name) ?? 0) + 1);
    return seen.get(name) > 1 ? `${name} (${seen.get(name)})` : name;
  });
}

export const interval = (low, high, format = decimal) =>
  low === null || low === undefined || high === null || high === undefined
    ? say("none")
    : say("interval", { low: format(low), high: format(high) });

speak(language);
