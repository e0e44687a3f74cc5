// Cards of lots: prices and bids as they move, and how long is left.

import * as clock from "./clock.js";
import { duration, price } from "./format.js";
import { connect, liveAddress, show } from "./socket.js";

const URGENT_MS = 5 * 60_000;
// What one connection takes.
const MOST_ITEMS = 100;

const OUTCOMES = { sold: "Sold", unsold: "Ended without bids", reserve_not_met: "Reserve not met", withdrawn: "Withdrawn" };

/** Follows every card of the page; answers whether there is one. */
export function followLots() {
  const cards = new Map(
    [...document.querySelectorAll("[data-lot]")].slice(0, MOST_ITEMS).map((card) => [card.dataset.lot, card]),
  );
  if (cards.size === 0) return false;
  const address = () =>
    liveAddress(`/live?items=${[...cards].map(([id, card]) => `${id}:${card.dataset.sequence}`).join(",")}`);
  connect(address, (frame) => cards.has(frame.item_id) && frame.event && take(cards.get(frame.item_id), frame), show);
  return true;
}

function take(card, { sequence, event }) {
  if (sequence <= Number(card.dataset.sequence)) return;
  card.dataset.sequence = sequence;
  const { currency, decimals } = card.dataset;
  const part = (name) => card.querySelector(`[data-live="${name}"]`);
  const moved = price(event.price_minor, currency, Number(decimals));
  moved.classList.add("price-moved");
  part("price").replaceChildren(moved);
  part("bid_count").textContent = event.bid_count;
  part("bid_word").textContent = event.bid_count === 1 ? "bid" : "bids";
  if (event.type === "item_completed") part("status").textContent = OUTCOMES[event.outcome] ?? "Ended";
  else if (event.ends_at_ms) tellEnd(part("status"), event.ends_at_ms);
}

function tellEnd(place, endsAtMs) {
  const until = place.querySelector("[data-until]");
  if (until) until.dataset.until = endsAtMs;
  // The page came when the lot was closing; a bid in the last moment has moved its end.
  else if (endsAtMs > clock.now()) place.replaceChildren(countdown(endsAtMs));
}

function countdown(endsAtMs) {
  const element = document.createElement("span");
  element.dataset.until = endsAtMs;
  reopen(element);
  return element;
}

function reopen(element) {
  const left = document.createElement("span");
  left.dataset.left = "";
  element.replaceChildren(left, " left");
}

/** Keeps what says how long is left running. */
export function runClocks() {
  for (const element of document.querySelectorAll("[data-until]")) {
    const left = Number(element.dataset.until) - clock.now();
    if (left < 0) {
      if (element.textContent !== "Closing") element.textContent = "Closing";
      continue;
    }
    if (!element.querySelector("[data-left]")) reopen(element);
    element.querySelector("[data-left]").textContent = duration(left);
    element.classList.toggle("urgent", left < URGENT_MS);
  }
}
