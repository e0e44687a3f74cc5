// What every page loads. Without it every page works; with it, pages are live.

import { followItem, runItemClock } from "./item.js";
import { followLots, runClocks } from "./lots.js";
import { connect, liveAddress } from "./socket.js";
import { preparePage } from "./page.js";

preparePage();
const isFollowing = followItem() || followLots();
const isDesk = document.querySelector("[data-desk]") !== null;
// Other pages of the signed-in have a badge to keep.
if (!isFollowing && !isDesk && "viewer" in document.body.dataset) connect(() => liveAddress("/live"), () => {}, () => {});
const tick = () => {
  runClocks();
  runItemClock();
};
tick();
setInterval(tick, 250);
