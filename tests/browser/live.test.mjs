// What the live page does when the connection tells it something awkward. The house is real; /live is played.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { House } from "./house.mjs";
import { list, register } from "./people.mjs";
import { launch } from "./visitor.mjs";

let house;
let browser;

before(async () => {
  house = await House.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await house?.stop();
});

/** A signed-in page on a lot that ends in `duration`, with its connections to /live and the panels it asks for. */
async function watch(duration) {
  const page = await (await browser.newContext()).newPage();
  await register(page, house, "Sela");
  const path = await list(page, house, { title: "A lamp", starting: "5.00", duration });
  const visitor = await (await browser.newContext()).newPage();
  const lines = [];
  await visitor.routeWebSocket(/\/live/, (line) => {
    lines.push(Object.assign(line, { at: Date.now() }));
    line.send(JSON.stringify({ heartbeat: Date.now() }));
  });
  const panels = [];
  visitor.on("request", (request) => request.headers()["hx-target"] === "bidding" && panels.push(Date.now()));
  await visitor.goto(house.url + path);
  await waitFor(() => lines.length === 1, "a connection");
  const id = path.split("/").at(-1);
  const tell = (event) => lines.at(-1).send(JSON.stringify({ item_id: id, sequence: event.sequence, event }));
  return { visitor, lines, panels, tell, id };
}

async function waitFor(is, what, withinMs = 90_000) {
  const deadline = Date.now() + withinMs;
  while (!(await is())) {
    assert.ok(Date.now() < deadline, `never ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const decided = (sequence, more) => ({
  type: "bid_decided", sequence, decision: "accepted", alias: "b***r", leader_alias: "b***r", price_minor: 500 + sequence,
  minimum_minor: 600 + sequence, bid_count: sequence, reserve_met: true, at_ms: Date.now(), ...more,
});

test("a lot unknown for a moment is asked for again, ever more slowly", async () => {
  const { lines, id } = await watch("1 hour");
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await waitFor(() => lines.length === attempt, `attempt ${attempt}`);
    lines.at(-1).send(JSON.stringify({ item_id: id, error: "unknown_item" }));
  }
  await waitFor(() => lines.length === 5, "the fifth attempt");
  const waits = lines.slice(1).map((line, index) => line.at - lines[index].at);
  assert.ok(waits.at(-1) > 1_900, `it does not slow down: ${waits}`);
});

test("an end that moves after it seemed over opens the lot again", async () => {
  const { visitor, panels, tell } = await watch("1 minute");
  await waitFor(async () => (await visitor.locator("#bidding").getAttribute("data-status")) === "closing", "closing");
  const before = panels.length;
  tell(decided(1, { ends_at_ms: Date.now() + 60_000 }));
  await waitFor(() => panels.length > before, "asked for a panel", 5_000);
});

test("a panel that is older than the hammer is asked for again, and the mark stays live", async () => {
  const { visitor, panels, tell } = await watch("1 hour");
  // The house does not know of it, so its panel is older.
  tell({ type: "item_completed", sequence: 9, outcome: "sold", price_minor: 700, bid_count: 3, ended_at_ms: Date.now() });
  await waitFor(() => panels.length >= 3, "asked again", 5_000);
  assert.ok(panels[2] - panels[1] >= 250, "it does not ask without a pause");
  assert.equal(await visitor.locator("#bidding [data-connection]").innerText(), "Live");
});

test("news of one moment are spoken together", async () => {
  const { visitor, tell } = await watch("1 hour");
  tell(decided(1, { ends_at_ms: Date.now() + 7_200_000 }));
  tell({ type: "item_completed", sequence: 2, outcome: "sold", price_minor: 700, bid_count: 3, ended_at_ms: Date.now() });
  const announcer = visitor.locator("#announcer");
  await waitFor(async () => (await announcer.textContent()) !== "", "anything said", 5_000);
  const said = await announcer.textContent();
  for (const words of ["1 bid.", "The end has moved.", "Sold for USD 7.00."]) assert.ok(said.includes(words), said);
});
