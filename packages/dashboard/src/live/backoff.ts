const FIRST_MS = 500;
const MAX_MS = 8000;

/** How long to wait before the try after `failures` failed ones: twice as long each time, a quarter more or less by chance. */
export function backoffMs(failures: number, random: () => number): number {
  const base = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(failures - 1, 10));
  return Math.round(base * (0.75 + random() / 2));
}
