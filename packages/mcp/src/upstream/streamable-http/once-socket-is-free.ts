import { isTurnUsedUp } from '../../protocol/pace.ts';

/** A hundred servers that answer together would otherwise be followed up in one turn. */
function inSlices(callback: () => void): void {
  if (isTurnUsedUp()) setImmediate(inSlices, callback);
  else callback();
}

/**
 * Calls back when the socket of an answer that just ended takes requests again: undici frees it one turn of the
 * event loop later. Who asks again at once gets a new socket instead, and pays for its handshakes. Callbacks of many
 * answers come in slices of 5 ms, which they share with all other long work; at least one a turn.
 */
export function onceSocketIsFree(callback: () => void): void {
  setImmediate(() => setImmediate(inSlices, callback));
}
