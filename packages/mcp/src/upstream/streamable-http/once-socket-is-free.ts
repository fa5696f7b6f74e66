/** The longest the answers of one turn hold the event loop, in milliseconds (contract.md, event loop). */
const SLICE_MS = 5;

/** When the slice of this turn is over; undefined until its first callback. */
let sliceEndsAtMs: number | undefined;

/** A hundred servers that answer together would otherwise be followed up in one turn. */
function inSlices(callback: () => void): void {
  const now = performance.now();
  if (sliceEndsAtMs === undefined) {
    sliceEndsAtMs = now + SLICE_MS;
    // Runs first in the next turn, before what is put off now.
    setImmediate(() => {
      sliceEndsAtMs = undefined;
    });
  }
  if (now < sliceEndsAtMs) callback();
  else setImmediate(inSlices, callback);
}

/**
 * Calls back when the socket of an answer that just ended takes requests again: undici frees it one turn of the
 * event loop later. Who asks again at once gets a new socket instead, and pays for its handshakes. Callbacks of many
 * answers come in slices of 5 ms, at least one a turn.
 */
export function onceSocketIsFree(callback: () => void): void {
  setImmediate(() => setImmediate(inSlices, callback));
}
