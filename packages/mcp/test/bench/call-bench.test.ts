import { expect, test } from 'vitest';
import { call } from '../../bench/call.bench.ts';
import { shown, type Reading } from '../../bench/lib/report.ts';

/** Processes start, and all of them share two cores with other tests. */
const TIMEOUT_MS = 60_000;

test(
  'the call bench measures ours beside the bare proxy, and every answer is right (S3-14)',
  { timeout: TIMEOUT_MS },
  async () => {
    const { readings, tables, commands } = await call.run({ quick: true });
    const of = (name: string): Reading => {
      const reading = readings[name];
      if (reading === undefined) throw new Error(`no reading ${name}`);
      return reading;
    };
    for (const row of [
      'modern→modern, 0.5 KB, 4 in flight',
      'legacy→legacy, 10 KB result, 2 in flight',
    ]) {
      for (const who of ['ours', 'proxy', 'direct', 'sdk']) {
        expect(of(`${row}.${who}.failed`), `${row}, ${who}`).toMatchObject({ max: 0 });
        expect(of(`${row}.${who}.perSecond`).min, `${row}, ${who}`).toBeGreaterThan(0);
        expect(of(`${row}.${who}.cpuUs`).min, `${row}, ${who}`).toBeGreaterThan(0);
      }
      // What answers itself takes less time than what asks another first.
      expect(of(`${row}.direct.p50Us`).median).toBeLessThan(of(`${row}.sdk.p50Us`).median);
    }
    expect(tables[0]?.rows.map(([, who]) => who)).toContain('ours');
    expect(commands?.['ours']).toBe(
      'node --conditions=cortex-source packages/mcp/bench/lib/gateway-child.ts (bundled)',
    );
  },
);

test('shown() gives the median, with its range where there is one', () => {
  const one = { median: 312.4, min: 298, max: 340, samples: 3, unit: 'ms' };
  expect(shown(one)).toBe('312 (298–340)');
  expect(shown({ ...one, min: 312.4, max: 312.4 }, 1)).toBe('312.4');
});
