// Amounts, lengths and times, as the server's pages write them (pages/format.rs).

/** An element for an amount in minor units: the code set small, thousands grouped. */
export function price(minor, currency, decimals) {
  const element = document.createElement("span");
  element.className = "price";
  const code = document.createElement("span");
  code.className = "currency";
  code.textContent = currency;
  element.append(code, ` ${figures(minor, decimals)}`);
  return element;
}

/** An amount in words: `USD 1,250.00`. */
export function spoken(minor, currency, decimals) {
  return `${currency} ${figures(minor, decimals)}`;
}

/** An amount as a person types it: `1250.00`. */
export function typed(minor, decimals) {
  const digits = String(minor).padStart(decimals + 1, "0");
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

function figures(minor, decimals) {
  const [whole, fraction] = typed(minor, decimals).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** A length of time in its two largest units. */
export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const [d, h, min] = [Math.floor(s / 86400), Math.floor((s % 86400) / 3600), Math.floor((s % 3600) / 60)];
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${min} min`;
  if (min > 0) return `${min} min ${s % 60} s`;
  return `${s} s`;
}

const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const precise = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** An element for a point in time, in the reader's own zone. */
export function moment(ms) {
  const element = document.createElement("time");
  element.dateTime = new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
  localise(element);
  return element;
}

/** Writes a `<time>` in the reader's own zone. */
export function localise(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  element.textContent = local.format(at);
  element.title = precise.format(at);
}
