// pnpm chaos [--seed n] [--minutes n] [--clients n]: breaks things by a seeded schedule and reports what must not happen.
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    minutes: { type: 'string', default: '5' },
    clients: { type: 'string', default: '16' },
    quiet: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const durationMs = Number(values.minutes) * 60_000;
const clients = Number(values.clients);
if (!Number.isSafeInteger(seed) || !(durationMs > 0) || !(clients >= 2)) {
  console.error('usage: pnpm chaos [--seed n] [--minutes n] [--clients n] [--quiet]');
  process.exit(2);
}
console.log(`seed ${seed}, ${values.minutes} min, ${clients} clients`);
const findings = await runChaos({
  seed,
  durationMs,
  clients,
  said: (line) => {
    if (!values.quiet) console.log(`  ${line}`);
  },
});
console.log(JSON.stringify({ seed, ...findings.tally, codes: Object.fromEntries(findings.codes) }));
for (const { invariant, what, atMs } of findings.found) {
  console.log(`BROKEN ${invariant} after ${(atMs / 1000).toFixed(1)} s: ${what}`);
}
process.exitCode = findings.found.length === 0 ? 0 : 1;
