// One connection to /live. It resumes by sequence, so nothing is missed and nothing is told twice, and says how it is.

import * as clock from "./clock.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;
// Heartbeats come every 15 s; silence for two of them means that the line is dead.
const SILENCE_MS = 35_000;
// A connection that has lasted so long, or told an event, is a good one; others count as one more attempt.
const GOOD_AFTER_MS = 5_000;

/**
 * Keeps a connection open. `address()` is asked before each attempt, `take(frame)` gets what comes,
 * `state("connecting" | "live" | "waiting", waitMs)` follows the connection.
 */
export function connect(address, take, state) {
  let socket;
  let attempts = 0;
  let retry;
  let silence;
  let good;
  let asked;

  function open() {
    clearTimeout(retry);
    state(attempts === 0 ? "connecting" : "waiting", 0);
    clock.doubt();
    socket = new WebSocket(address());
    socket.onopen = () => {
      good = setTimeout(() => (attempts = 0), GOOD_AFTER_MS);
      state("live", 0);
      heard();
      ask();
    };
    socket.onmessage = ({ data }) => {
      heard();
      const frame = JSON.parse(data);
      if ("heartbeat" in frame) clock.told(frame.heartbeat);
      else if ("pong" in frame) clock.measured(frame.server_ms, asked, performance.now());
      else if ("notices" in frame) showUnread(frame.notices);
      // What this page shows, the house knew: it will again.
      else if ("error" in frame) socket.close();
      else {
        attempts = 0;
        take(frame);
      }
    };
    socket.onclose = again;
  }

  function ask() {
    asked = performance.now();
    socket.send(JSON.stringify({ ping: Math.round(asked) }));
  }

  function heard() {
    clearTimeout(silence);
    silence = setTimeout(() => socket.close(), SILENCE_MS);
  }

  function again() {
    clearTimeout(silence);
    clearTimeout(good);
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempts);
    const wait = longest / 2 + Math.random() * (longest / 2);
    attempts += 1;
    state("waiting", wait);
    retry = setTimeout(open, wait);
  }

  // A page that wakes up, or a network that comes back, need not wait out the pause.
  const hurry = () => {
    if (document.visibilityState === "visible" && socket.readyState === WebSocket.CLOSED) open();
  };
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  open();
}

let shown;

/** Shows the state of a connection in every element made for it. */
export function show(state, waitMs) {
  shown = [state, waitMs];
  const words = { connecting: "Connecting…", live: "Live", waiting: waitMs > 1500 ? "Offline; trying again soon" : "Reconnecting…" };
  for (const element of document.querySelectorAll("[data-connection]")) {
    element.hidden = false;
    element.dataset.state = state;
    if (element.textContent !== words[state]) element.textContent = words[state];
  }
}

/** Shows it again, where such an element is new. */
export function showAgain() {
  if (shown) show(...shown);
}

/** Shows how many notices are unread. */
function showUnread(count) {
  const place = document.getElementById("unread");
  if (!place) return;
  if (count === 0) {
    place.replaceChildren();
    return;
  }
  const badge = document.createElement("span");
  badge.className = "count";
  const words = document.createElement("span");
  words.className = "visually-hidden";
  words.textContent = " unread";
  badge.append(count > 99 ? "99+" : String(count), words);
  place.replaceChildren(badge);
}

/** The address of a live path. */
export function liveAddress(path) {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
}
