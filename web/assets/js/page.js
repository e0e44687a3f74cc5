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
  document.body.addEventListener("htmx:responseError", ({ detail }) => onFailure(detail.elt, detail.xhr.status));
  document.body.addEventListener("htmx:sendError", ({ detail }) => onFailure(detail.elt, 0));
  document.addEventListener("click", onClick);
  document.addEventListener("change", ({ target }) => target.closest("[data-submit-on-change]")?.requestSubmit());
}

function afterSwap(target) {
  localiseIn(target);
  const dialog = document.getElementById("review");
  if (!dialog) return;
  if (target.id === "review-body") {
    if (!dialog.open) dialog.showModal();
    return;
  }
  if (target.id !== "bidding") return;
  if (dialog.open) dialog.close();
  document.querySelector("#bidding [data-focus], #bidding [aria-invalid]")?.focus();
}

const FAILURES = {
  0: ["No connection", "The house could not be reached. Check your connection, then try again."],
  403: ["That was refused", "Load the page again, then try once more."],
  429: ["A little too fast", "Wait a moment, then try again. Nothing was done."],
  503: ["The house cannot take this at the moment", "Wait a few seconds, then try again. Trying again cannot place a bid twice."],
};
const OTHER_FAILURE = ["Something went wrong in the house", "Try again. Trying again cannot place a bid twice."];

// A failed request leaves the form as it is, with what to do above it.
function onFailure(form, status) {
  if (!form.matches?.("form")) return;
  const [heading, text] = FAILURES[status] ?? OTHER_FAILURE;
  const message = document.createElement("div");
  message.className = "message message-bad";
  message.setAttribute("role", "alert");
  message.dataset.failure = "";
  const strong = document.createElement("strong");
  strong.textContent = heading;
  const line = document.createElement("p");
  line.textContent = text;
  message.append(strong, line);
  form.parentElement.querySelector("[data-failure]")?.remove();
  form.before(message);
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
