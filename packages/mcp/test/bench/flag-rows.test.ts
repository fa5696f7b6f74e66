import { expect, test } from 'vitest';
import { WHERE } from '../../bench/lib/flag-rows.ts';
import { persistTable } from '../../bench/lib/persist-rows.ts';
import type { Start } from '../../bench/lib/warm-start.ts';
import { FLAG_KEYS } from '../../src/config/flag-schema.ts';

test('every rollback flag has a row that says which bench has its off path beside its on path (S4-38)', () => {
  expect(new Set(WHERE.rows.map(([flag]) => flag))).toEqual(new Set(FLAG_KEYS));
});

function start(listMs: number, tools: number): Start {
  return { listeningMs: 90, firstListMs: listMs, listMs, listenCpuMs: 80, listCpuMs: 95, tools };
}

test('persistTable() has what both paths of MCP_CONNECTOR_PERSIST_MANIFESTS have, servers up and gone', () => {
  const { table, readings, targets } = persistTable({
    wanted: 100,
    up: { on: [start(120, 100)], off: [start(400, 100)] },
    down: { on: [start(130, 100)], off: [start(150, 0)] },
  });
  expect(table.rows.at(-1)).toEqual([
    'MCP_CONNECTOR_PERSIST_MANIFESTS=false',
    'down',
    '150',
    '150',
    '95',
    '0 of 100',
  ]);
  expect(readings['persist off, servers up.listMs']).toMatchObject({ median: 400 });
  expect(targets).toMatchObject([{ met: true }]);
  const lost = { on: [start(130, 99)], off: [start(150, 0)] };
  const up = { on: [start(120, 100)], off: [start(400, 100)] };
  expect(persistTable({ wanted: 100, up, down: lost }).targets).toMatchObject([{ met: false }]);
});
