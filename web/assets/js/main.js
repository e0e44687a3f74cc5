// What every page loads. Without it every page works; with it, pages are live.

import { followItem, runItemClock } from "./item.js";
import { followLots, runClocks } from "./lots.js";
import { preparePage } from "./page.js";

preparePage();
followItem();
followLots();
const tick = () => {
  runClocks();
  runItemClock();
};
tick();
setInterval(tick, 250);
