// The flow: the same page, asked for again every few seconds.

import { localise } from "./format.js";

const EVERY_MS = 5_000;

async function refresh() {
  if (document.visibilityState !== "visible") return;
  // Without an answer the last numbers stay.
  const fresh = await ask().catch(() => null);
  if (!fresh) return;
  for (const time of fresh.querySelectorAll("time[datetime]")) localise(time);
  const shown = document.getElementById("flow");
  const focused = focusables(shown).indexOf(document.activeElement);
  shown.replaceChildren(...fresh.childNodes);
  focusables(shown)[focused]?.focus({ preventScroll: true });
}

async function ask() {
  const answer = await fetch(location.href);
  if (!answer.ok) return null;
  return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("flow");
}

/** What of it can have the focus: the same number in the same order, while its tables are the same. */
function focusables(root) {
  return [...root.querySelectorAll("a[href], button, summary, [tabindex]")];
}

setInterval(refresh, EVERY_MS);
