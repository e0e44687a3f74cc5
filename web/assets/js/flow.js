// The flow: the same page, asked for again every few seconds.

import { localise } from "./format.js";

const EVERY_MS = 5_000;

async function refresh() {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("flow");
  for (const time of fresh.querySelectorAll("time[datetime]")) localise(time);
  document.getElementById("flow").replaceChildren(...fresh.childNodes);
}

setInterval(refresh, EVERY_MS);
