// The server's clock, as well as it is known here. The reader's own clock may be wrong, so it is never asked: only the
// monotonic one, which says how much time has passed since the server last told the time.

let offset = Number(document.body.dataset.serverMs) - performance.now();
let error = Infinity;

/** The server's present, in epoch milliseconds. */
export function now() {
  return performance.now() + offset;
}

/** Takes the server's answer to what was asked at `asked` and came at `answered` (monotonic). The quickest answer of a connection is the best. */
export function measured(serverMs, asked, answered) {
  const doubt = (answered - asked) / 2;
  if (doubt > error) return;
  error = doubt;
  offset = serverMs - (asked + answered) / 2;
}

/** Takes a time told unasked: it is at least that late. */
export function told(serverMs) {
  if (error === Infinity) offset = serverMs - performance.now();
  else offset = Math.max(offset, serverMs - performance.now());
}

/** Forgets how good the last measurement was: a machine that slept may have stopped its monotonic clock. */
export function doubt() {
  error = Infinity;
}
