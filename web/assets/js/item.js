// The page of an item: everything that moves on it. The panel may be replaced under our hands (a bid placed, an outcome),
// so it is looked up anew each time, and what it was told last is told again if it came older than that.

import * as clock from "./clock.js";
import { duration, moment, price, spoken, typed } from "./format.js";
import { connect, liveAddress, show, showAgain } from "./socket.js";

const URGENT_MS = 5 * 60_000;
const WARNINGS_MS = [5 * 60_000, 60_000, 10_000];
const MOST_ROWS = 200;
// A panel that is older than what is known here is asked for again.
const AGAIN_MS = 300;
// News of one moment are spoken together, so that none cuts another short.
const SPEAK_AFTER_MS = 200;
const SPOKEN = ["standing", "price", "end", "left", "outcome"];
const DONE = { accepted: "took the lead", accepted_outbid: "bid, and was outbid", raised: "raised their maximum", withdrawn: "withdrew the lot" };
const STANDINGS = {
  leads: ["message-good", "You lead", "You are the highest bidder. The house bids for you up to your maximum."],
  outbid: ["message-bad", "You have been outbid", "Someone’s maximum is higher than yours. Bid again to take the lead."],
};
const OUTCOMES = { sold: "Sold", unsold: "Ended without a bid", reserve_not_met: "The reserve was not met", withdrawn: "Withdrawn by the seller" };

const isWhole = new URLSearchParams(location.search).has("history");
const news = new Map();
let last = 0;
let latest;
let warned;
let awaited = 0;

const panel = () => document.getElementById("bidding");
const part = (name) => panel().querySelector(`[data-live="${name}"]`);
const amount = (minor) => price(minor, panel().dataset.currency, Number(panel().dataset.decimals));
const words = (minor) => spoken(minor, panel().dataset.currency, Number(panel().dataset.decimals));

/** Follows the item of this page; answers whether it has one. */
export function followItem() {
  if (!panel()) return false;
  const id = panel().dataset.item;
  last = Number(panel().dataset.sequence);
  connect(() => liveAddress(`/live?items=${id}:${last}`), take, show);
  document.body.addEventListener("htmx:afterSwap", ({ target }) => {
    if (target.id === "bidding") takePanel();
  });
  return true;
}

function takePanel() {
  showAgain();
  const shown = Number(panel().dataset.sequence);
  if (shown < awaited) setTimeout(refresh, AGAIN_MS);
  if (latest && shown < last) tell(latest, false);
}

function take({ sequence, event }) {
  if (!event || sequence <= last) return;
  last = sequence;
  latest = event;
  tell(event, true);
  addRow(sequence, event);
  if (event.type === "item_completed" || event.decision === "withdrawn") refresh();
}

/** Asks the server for the panel as it is now, with what is known here at least. */
function refresh() {
  awaited = last;
  window.htmx?.ajax("GET", location.pathname, { target: "#bidding", swap: "outerHTML" });
}

/** Brings the panel up to an event. */
function tell(event, isNews) {
  panel().dataset.sequence = last;
  const moved = amount(event.price_minor);
  if (isNews) moved.classList.add("price-moved");
  part("price").replaceChildren(moved);
  part("bid_count").textContent = event.bid_count;
  part("bid_word").textContent = event.bid_count === 1 ? "bid" : "bids";
  if (event.type === "item_completed") {
    const outcome = OUTCOMES[event.outcome] ?? "Ended";
    if (isNews) announce("outcome", event.outcome === "sold" ? `${outcome} for ${words(event.price_minor)}.` : `${outcome}.`);
    return;
  }
  if (part("price_label").textContent === "Starting price" && event.bid_count > 0) part("price_label").textContent = "Current price";
  if (event.reserve_met && part("reserve").textContent.includes("not met")) part("reserve").textContent = " · reserve met";
  if (event.minimum_minor !== null) tellMinimum(event);
  tellEnd(event.ends_at_ms, isNews);
  tellStanding(event, isNews);
  if (isNews) announce("price", `${words(event.price_minor)}, ${event.bid_count} ${event.bid_count === 1 ? "bid" : "bids"}.`);
}

function tellMinimum(event) {
  part("minimum")?.replaceChildren(amount(event.minimum_minor));
  const hint = document.getElementById("amount-hint");
  const step = event.minimum_minor - event.price_minor;
  const ownMax = Number(panel().querySelector("[data-own-max]")?.dataset.ownMax ?? 0);
  // Who leads can only raise their own maximum.
  const leads = panel().dataset.you && event.leader_alias === panel().dataset.you;
  const least = leads ? Math.max(event.minimum_minor, ownMax + step) : event.minimum_minor;
  if (hint) hint.textContent = `${words(least)} or more`;
  part("quick")?.querySelectorAll("button").forEach((button, index) => {
    const minor = least + index * step;
    button.value = typed(minor, Number(panel().dataset.decimals));
    button.replaceChildren(amount(minor));
  });
}

function tellEnd(endsAtMs, isNews) {
  if (!endsAtMs || Number(panel().dataset.endsMs) === endsAtMs) return;
  panel().dataset.endsMs = endsAtMs;
  part("ends_at")?.replaceChildren(moment(endsAtMs));
  warned = undefined;
  const left = endsAtMs - clock.now();
  if (isNews) announce("end", `The end has moved. ${duration(left)} left.`);
  // A bid in the last moment: what was hidden here is open again.
  if (isNews && panel().dataset.status === "closing" && left > 0) refresh();
}

function tellStanding(event, isNews) {
  const you = panel().dataset.you;
  if (!you) return;
  if (event.alias === you && event.type === "bid_decided") panel().dataset.bidBefore = "";
  const standing = event.leader_alias === you ? "leads" : "bidBefore" in panel().dataset ? "outbid" : undefined;
  const box = part("standing");
  if (!standing || box.dataset.standing === standing) return;
  const [tone, heading, text] = STANDINGS[standing];
  box.dataset.standing = standing;
  box.hidden = false;
  box.className = `message ${tone}`;
  const strong = document.createElement("strong");
  strong.textContent = heading;
  const line = document.createElement("p");
  line.textContent = text;
  box.replaceChildren(strong, line);
  // What a form was answered speaks of an earlier standing.
  panel().querySelector("[data-answer]")?.remove();
  if (isNews) announce("standing", `${heading}.`);
}

function addRow(sequence, event) {
  const rows = document.querySelector("[data-history]");
  if (!rows || rows.querySelector(`[data-row="${sequence}"]`) || event.type === "item_completed") return;
  const row = document.createElement("tr");
  row.dataset.row = sequence;
  row.className = "history-new";
  const who = document.createElement("td");
  const note = document.createElement("span");
  note.className = "note";
  note.append(DONE[event.decision] ?? "", " · ", moment(event.at_ms));
  who.append(event.type === "bid_decided" ? event.alias : "The seller");
  if (event.alias && event.alias === panel().dataset.you) {
    const you = document.createElement("span");
    you.className = "quiet";
    you.textContent = " (you)";
    who.append(you);
  }
  who.append(document.createElement("br"), note);
  const reached = document.createElement("td");
  reached.className = "number";
  reached.append(amount(event.price_minor));
  row.append(who, reached);
  rows.prepend(row);
  while (!isWhole && rows.children.length > MOST_ROWS) rows.lastElementChild.remove();
  document.querySelector("[data-history-box]").hidden = false;
  document.querySelector("[data-history-empty]").hidden = true;
}

/** Keeps the clock of the item running. */
export function runItemClock() {
  if (!panel()) return;
  const { status, startsMs, endsMs } = panel().dataset;
  const face = panel().querySelector("[data-clock]");
  const left = Number(status === "scheduled" ? startsMs : endsMs) - clock.now();
  if (status === "scheduled" || status === "open") {
    face.textContent = left < 0 ? "Now" : duration(left);
    face.classList.toggle("urgent", status === "open" && left < URGENT_MS);
    if (status === "open") warn(left);
    if (left < 0) turn(status);
  }
}

function turn(status) {
  if (status === "scheduled") {
    panel().dataset.status = "opening";
    refresh();
    return;
  }
  // The log alone says when it is over; until then, what was sent in time may still be counted.
  panel().dataset.status = "closing";
  panel().querySelector("[data-clock]").textContent = "Closing";
  part("status").textContent = "Closing";
  panel().querySelectorAll("[data-open-only]").forEach((element) => (element.hidden = true));
}

function warn(left) {
  const due = WARNINGS_MS.filter((limit) => left <= limit).at(-1);
  if (due === undefined || due === warned) return;
  const isFirstLook = warned === undefined && left < due - 1500;
  warned = due;
  if (!isFirstLook) announce("left", `${duration(due)} left.`);
}

/** Has a sentence spoken, with what else there is to say; of a kind, the last. */
function announce(kind, sentence) {
  if (news.size === 0) setTimeout(speak, SPEAK_AFTER_MS);
  news.set(kind, sentence);
}

function speak() {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = SPOKEN.map((kind) => news.get(kind) ?? "").filter(Boolean).join(" ");
  news.clear();
}
