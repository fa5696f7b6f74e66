import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { ImportEdge } from './import-graph.ts';
import { importsOf, inRepo, partOf, readImports, repoRoot, sourceFiles } from './import-graph.ts';

interface Rule {
  /** Folders whose values and types may be imported. */
  readonly values: readonly string[];
  /** Folders of which only types may be imported, by `import type`. */
  readonly types: readonly string[];
}

const PARTS = [
  'config',
  'protocol',
  'connectors',
  'upstream',
  'guards',
  'credentials',
  'catalog',
  'gateway',
  'auth',
  'http',
  'audit',
  'pins',
  'observability',
  'page',
];

// The table of docs/architecture.md, as literals: a change there is a change here, on purpose.
const MAY_IMPORT: Readonly<Record<string, Rule>> = {
  protocol: { values: [], types: [] },
  observability: { values: [], types: [] },
  guards: { values: ['protocol', 'observability', 'upstream'], types: ['connectors'] },
  auth: { values: ['protocol', 'observability'], types: ['catalog'] },
  credentials: { values: ['protocol', 'observability', 'upstream'], types: ['connectors'] },
  audit: { values: ['protocol', 'observability'], types: ['auth'] },
  pins: { values: ['protocol', 'observability'], types: ['connectors'] },
  config: { values: ['connectors'], types: ['auth', 'guards'] },
  upstream: { values: ['protocol', 'observability'], types: ['connectors'] },
  connectors: { values: ['protocol', 'upstream', 'observability'], types: ['pins'] },
  catalog: { values: ['protocol'], types: ['connectors'] },
  gateway: {
    values: ['protocol', 'catalog', 'upstream', 'observability'],
    types: ['auth', 'audit'],
  },
  http: { values: ['gateway', 'observability', 'auth'], types: ['connectors', 'catalog'] },
  cli: {
    values: [
      'config',
      'protocol',
      'observability',
      'service',
      'auth',
      'credentials',
      'audit',
      'pins',
      'proof',
    ],
    types: ['connectors', 'catalog'],
  },
  // Shows what it is told; its code is loaded with the first request.
  page: { values: ['observability'], types: ['connectors', 'http'] },
  // Looks at a service from outside.
  proof: { values: ['config', 'protocol', 'observability'], types: ['connectors'] },
  // Builds and wires the parts: the one folder that may know all of them.
  service: { values: PARTS, types: [] },
};

// Of `upstream/`, `connectors/` and `gateway/` see the seam only.
const SEAM = ['upstream/upstream.ts', 'upstream/upstream-error.ts'];
const SEAM_ONLY = new Set(['connectors', 'gateway', 'guards', 'credentials']);

const srcFolder = join(repoRoot, 'packages/mcp/src');
const edges = readImports(srcFolder);
const folders = readdirSync(srcFolder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

function crossesForbiddenLine(edge: ImportEdge): boolean {
  const from = partOf(edge.from);
  const to = partOf(edge.to);
  const rule = MAY_IMPORT[from];
  const isOurs = edge.to.endsWith('.ts');
  if (!isOurs || from === to || rule === undefined) return false;
  if (SEAM_ONLY.has(from) && to === 'upstream' && !SEAM.includes(edge.to)) return true;
  return !rule.values.includes(to) && !(edge.typeOnly && rule.types.includes(to));
}

const show = (edge: ImportEdge): string =>
  `${edge.from} -> ${edge.to}${edge.typeOnly ? ' (type)' : ''}`;

const edge = (from: string, to: string, typeOnly = false): ImportEdge => ({ from, to, typeOnly });

test('importsOf() sees imports, re-exports, types, side effects and dynamic imports', () => {
  const text = [
    `import { a } from './a.ts';`,
    `import type { B } from '../upstream/b.ts';`,
    `import './side-effect.ts';`,
    `import {\n  c,\n  type D,\n} from "../catalog/c.ts";`,
    `export { e } from './e.ts';`,
    `export type { F } from './f.ts';`,
    `export * as g from './g.ts';`,
    `const h = await import('../h.ts');`,
    `const text = "from './not-an-import.ts'";`,
  ].join('\n');

  expect(importsOf('gateway/x.ts', text).map(show)).toEqual([
    'gateway/x.ts -> gateway/a.ts',
    'gateway/x.ts -> upstream/b.ts (type)',
    'gateway/x.ts -> gateway/side-effect.ts',
    'gateway/x.ts -> catalog/c.ts',
    'gateway/x.ts -> gateway/e.ts',
    'gateway/x.ts -> gateway/f.ts (type)',
    'gateway/x.ts -> gateway/g.ts',
    'gateway/x.ts -> h.ts',
  ]);
});

test('the import table forbids what architecture.md says is never imported', () => {
  const forbidden = [
    edge('gateway/a.ts', 'connectors/manager.ts', true),
    edge('gateway/a.ts', 'config/config.ts'),
    edge('gateway/a.ts', 'upstream/stdio.ts'),
    edge('connectors/a.ts', 'gateway/ports.ts', true),
    edge('connectors/a.ts', 'catalog/catalog.ts'),
    edge('catalog/a.ts', 'upstream/upstream.ts', true),
    edge('upstream/a.ts', 'connectors/manager.ts'),
    edge('protocol/a.ts', 'observability/metrics.ts'),
    edge('http/a.ts', 'connectors/manager.ts'),
  ];

  expect(forbidden.filter((one) => !crossesForbiddenLine(one)).map(show)).toEqual([]);
});

test('every folder of src has a row in the import table', () => {
  expect(folders.filter((name) => MAY_IMPORT[name] === undefined)).toEqual([]);
});

test('no file imports across a line the table forbids, types included', () => {
  expect(edges.length).toBeGreaterThan(0);
  expect(edges.filter(crossesForbiddenLine).map(show)).toEqual([]);
});

test('service/ is imported by what opens a service only: index.ts, create-gateway.ts, cli/', () => {
  const importers = edges
    .filter((one) => partOf(one.to) === 'service' && partOf(one.from) !== 'service')
    .map((one) => partOf(one.from));
  expect([...new Set(importers)].toSorted()).toEqual(['cli', 'create-gateway.ts', 'index.ts']);
});

test('folders form no cycle of value imports', () => {
  const reached = (start: string): Set<string> => {
    const seen = new Set<string>();
    const queue = [start];
    for (const folder of queue) {
      for (const next of MAY_IMPORT[folder]?.values ?? []) {
        if (!seen.has(next)) queue.push(next);
        seen.add(next);
      }
    }
    return seen;
  };
  expect(Object.keys(MAY_IMPORT).filter((name) => reached(name).has(name))).toEqual([]);
});

/** The packages of this workspace that a package's sources import. */
function ours(name: string): string[] {
  const targets = readImports(join(repoRoot, 'packages', name, 'src')).map((one) =>
    one.to.split('/').slice(0, 2).join('/'),
  );
  return [...new Set(targets)].filter((to) => to.startsWith('@cortex-os/'));
}

test('packages point one way: mcp to mcp-registry, testkit to neither', () => {
  expect(ours('testkit')).toEqual([]);
  expect(ours('mcp-registry')).toEqual([]);
  expect(ours('mcp').filter((to) => to !== '@cortex-os/mcp-registry')).toEqual([]);
});

const restrictedImports = z.tuple([
  z.literal('error'),
  z.object({
    patterns: z.array(
      z.object({ group: z.array(z.string()), allowTypeImports: z.boolean().default(false) }),
    ),
  }),
]);
const lintConfig = z.object({
  overrides: z.array(
    z.object({
      files: z.array(z.string()),
      rules: z.object({ 'eslint/no-restricted-imports': restrictedImports.optional() }),
    }),
  ),
});
const { overrides } = lintConfig.parse(
  JSON.parse(readFileSync(join(repoRoot, '.oxlintrc.json'), 'utf8')),
);

/** What lint refuses in a folder: the last override that names the folder decides. */
function lintPatterns(folder: string): z.infer<typeof restrictedImports>[1]['patterns'] {
  const rules = overrides
    .filter((override) => override.files.includes(`packages/mcp/src/${folder}/**`))
    .map((override) => override.rules['eslint/no-restricted-imports'])
    .filter((rule) => rule !== undefined);
  return rules.at(-1)?.[1].patterns ?? [];
}

test.each(Object.entries(MAY_IMPORT))('lint holds the table for %s/', (folder, rule) => {
  const patterns = lintPatterns(folder);
  const isRefused = (target: string, typesToo: boolean): boolean =>
    patterns.some(
      (pattern) => pattern.group.includes(target) && pattern.allowTypeImports !== typesToo,
    );
  const others = Object.keys(MAY_IMPORT).filter(
    (name) => name !== folder && !rule.values.includes(name),
  );
  const missing = others.filter((name) => !isRefused(`**/${name}/**`, !rule.types.includes(name)));
  if (SEAM_ONLY.has(folder)) {
    const held = patterns.some(
      (pattern) =>
        pattern.group.includes('**/upstream/**') &&
        SEAM.every((file) => pattern.group.includes(`!**/${file}`)),
    );
    if (!held) missing.push('upstream (beyond the seam)');
  }
  expect(missing).toEqual([]);
});

test('no source file is longer than 300 lines', () => {
  const tooLong = readdirSync(join(repoRoot, 'packages')).flatMap((name) =>
    ['src', 'bench'].flatMap((part) => {
      const folder = join(repoRoot, 'packages', name, part);
      return sourceFiles(folder)
        .map((file) => join(folder, file))
        .filter((file) => readFileSync(file, 'utf8').trimEnd().split('\n').length > 300)
        .map(inRepo);
    }),
  );
  expect(tooLong).toEqual([]);
});
