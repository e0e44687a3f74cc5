// What makes a plain page pleasanter: the review of a bid in a dialog, pictures in place, faults brought into focus.

import { localise } from "./format.js";

function localiseIn(root) {
  for (const element of root.querySelectorAll("time[datetime]")) localise(element);
}

/** Sets up the page, and whatever htmx brings into it. */
export function preparePage() {
  localiseIn(document);
  document.querySelector("[data-focus]")?.focus();
  document.body.addEventListener("htmx:afterSwap", ({ target }) => afterSwap(target));
  document.addEventListener("click", onClick);
  document.addEventListener("change", ({ target }) => target.closest("[data-submit-on-change]")?.requestSubmit());
}

function afterSwap(target) {
  localiseIn(target);
  const dialog = document.getElementById("review");
  if (!dialog) return;
  if (target.id === "review-form") {
    if (!dialog.open) dialog.showModal();
    return;
  }
  if (target.id !== "bidding") return;
  if (dialog.open) dialog.close();
  document.querySelector("#bidding [data-focus], #bidding [aria-invalid]")?.focus();
}

function onClick(event) {
  const close = event.target.closest("[data-dialog-close]");
  const dialog = close?.closest("dialog");
  if (dialog) {
    event.preventDefault();
    dialog.close();
  }
  const picture = event.target.closest("[data-gallery]");
  if (picture && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    showPicture(picture);
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
}

function showPicture(link) {
  const main = document.querySelector("[data-gallery-main]");
  main.href = link.href;
  main.querySelector("img").src = link.href;
  for (const other of document.querySelectorAll("[data-gallery]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
}
