/** FNV-1a: spreads short texts well enough to deal out callers. */
function hash(text: string): number {
  let value = 0x81_1c_9d_c5;
  for (let at = 0; at < text.length; at += 1) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01_00_01_93);
  }
  // The last characters would else hardly reach the high bits, which decide.
  value = Math.imul(value ^ (value >>> 15), 0x2c_1b_3c_6d);
  return (value ^ (value >>> 13)) >>> 0;
}

/**
 * Always the same of `places` for one caller: when others come or go, only the callers of those move (rendezvous
 * hashing).
 */
export function placeFor<T extends { readonly key: string; readonly weight: number }>(
  callerId: string,
  places: readonly T[],
): T | undefined {
  let best: T | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (const place of places) {
    const chance = (hash(`${callerId}\n${place.key}`) + 1) / 0x1_00_00_00_01;
    const score = -place.weight / Math.log(chance);
    if (score > most) {
      best = place;
      most = score;
    }
  }
  return best;
}
