import type { LoadRound } from './compare-load.ts';
import { spreadOf, type Target } from './report.ts';

/** Fewer rounds than this have no thirds to compare. */
const MIN_ROUNDS = 9;
const MB = 1_048_576;
/** What may come on top without being growth: pages that the collector has not given back yet. */
const SLACK_MB = 32;
const MAX_RATIO = 1.1;

function medianMb(rounds: readonly LoadRound[]): number {
  return spreadOf(rounds.map(({ rssBytes }) => rssBytes / MB)).median;
}

/**
 * Whether the memory of a subject stays where it is while the same load goes on: the median of its last third of rounds
 * against that of the first, in the order they were measured. No target for fewer than 9 rounds.
 */
export function flatMemory(what: string, rounds: readonly LoadRound[]): readonly Target[] {
  if (rounds.length < MIN_ROUNDS) return [];
  const third = Math.floor(rounds.length / 3);
  const [first, last] = [medianMb(rounds.slice(0, third)), medianMb(rounds.slice(-third))];
  const calls = rounds.reduce((sum, round) => sum + round.calls, 0);
  return [
    {
      what: `${what}, memory of the last third of ${calls} calls against the first`,
      wanted: `≤ ${MAX_RATIO} × or + ${SLACK_MB} MB`,
      measured: `${first.toFixed(0)} → ${last.toFixed(0)} MB`,
      met: last <= Math.max(first * MAX_RATIO, first + SLACK_MB),
    },
  ];
}
