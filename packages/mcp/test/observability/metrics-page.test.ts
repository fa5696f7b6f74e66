import { join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { repoRoot } from '../architecture/import-graph.ts';
import { get, startGuarded } from '../auth/guarded-gateway.ts';
import { parseExposition } from './exposition.ts';
import { declaredMetrics, type DeclaredPart } from './declared-metrics.ts';

const PAGE = join(repoRoot, 'docs/observability/metrics.md');

const INTRO = [
  '# Metrics',
  '',
  'What `/metrics` shows, as the code declares it. `connector` is the id of a configured connector, all other labels are',
  'fixed words; the series of a connector that is removed go with it. Durations are in seconds. How to read them:',
  '[README](README.md).',
  '',
].join('\n');

function table({ metrics }: DeclaredPart): string {
  const head = ['metric', 'type', 'labels', 'what'];
  const rows = metrics.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.join(', '),
    help.replace(/\.$/, ''),
  ]);
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((cells) => (cells[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

// `vitest -u` writes it anew.
test('docs/observability/metrics.md has every metric the code declares (R10)', async () => {
  const parts = declaredMetrics().map((part) => `## ${part.title}\n\n${table(part)}\n`);
  await expect([INTRO, ...parts].join('\n')).toMatchFileSnapshot(PAGE);
});

test('a service that has every part shows exactly the declared metrics', async () => {
  await using folder = tempFolder();
  const stateFolder = folder.path;
  const { gateway: started, keys } = await startGuarded([], {
    keys: [{ scopes: ['metrics:read'] }],
    more: {
      audit: { stateFolder },
      pins: { stateFolder, mode: 'alert', firstUse: 'approve', oddText: 'flag' },
      registry: {
        stateFolder,
        memoryCache: true,
        tools: true,
        http: true,
        apiKey: undefined,
        lasting: true,
      },
    },
  });
  await using gateway = started;
  // Pins are set up in the background.
  const all = declaredMetrics().flatMap(({ metrics }) => metrics.map(({ name }) => name));
  const shown = async () => {
    const { status, text } = await get(`${gateway.origin}/metrics`, keys[0]);
    expect(status).toBe(200);
    return parseExposition(text).names;
  };
  await waitUntil(async () => (await shown()).length >= all.length, { describe: 'all are there' });
  expect((await shown()).toSorted()).toEqual(all.toSorted());
});
