import type { LoadRound } from './compare-load.ts';
import type { Target } from './report.ts';

/** Fewer rounds than this have no thirds to compare. */
const MIN_ROUNDS = 9;
const MB = 1_048_576;
/** What may come on top without being growth: where between two collections the highest was seen. */
const SLACK_MB = 32;
const MAX_RATIO = 1.1;

function highestMb(rounds: readonly LoadRound[]): number {
  return Math.max(...rounds.map(({ rssBytes }) => rssBytes / MB));
}

/**
 * Whether the memory of a subject stays where it is while the same load goes on: the highest of its last third of rounds
 * against that of the first, in the order they were measured: in between, memory goes up until it is collected, by as much as a
 * small heap has room for (decision 0038). No target for fewer than 9 rounds.
 */
export function flatMemory(what: string, rounds: readonly LoadRound[]): readonly Target[] {
  if (rounds.length < MIN_ROUNDS) return [];
  const third = Math.floor(rounds.length / 3);
  const [first, last] = [highestMb(rounds.slice(0, third)), highestMb(rounds.slice(-third))];
  const calls = rounds.reduce((sum, round) => sum + round.calls, 0);
  return [
    {
      what: `${what}, highest memory in the last third of ${calls} calls against the first`,
      wanted: `≤ ${MAX_RATIO} × or + ${SLACK_MB} MB`,
      measured: `${first.toFixed(0)} → ${last.toFixed(0)} MB`,
      met: last <= Math.max(first * MAX_RATIO, first + SLACK_MB),
    },
  ];
}
