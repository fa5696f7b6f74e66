import { startFleet } from '../src/index.ts';

// How long a fleet takes to be there and to be gone: what a test that needs one pays. Medians of seven rounds. It keeps
// no record, so that `pnpm bench` finds no bench here.
if (process.argv.includes('--list')) process.exit();

const ROUNDS = 7;
const SIZES = [1, 10, 100];

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

for (const size of SIZES) {
  const starts: number[] = [];
  const stops: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now();
    const fleet = await startFleet(
      Array.from({ length: size }, () => ({ kind: 'modern-http' as const })),
    );
    const upAt = performance.now();
    await fleet[Symbol.asyncDispose]();
    starts.push(upAt - startedAt);
    stops.push(performance.now() - upAt);
  }
  console.log(
    `${size} servers: start ${median(starts).toFixed(1)} ms, close ${median(stops).toFixed(1)} ms`,
  );
}
