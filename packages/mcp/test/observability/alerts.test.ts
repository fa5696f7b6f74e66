import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { alertRules, dashboardQueries, FOLDER, seriesIn } from './dashboard.ts';
import { declaredMetrics, seriesNames } from './declared-metrics.ts';
import { NO_PROMTOOL, promtool } from './promtool.ts';

test('alerts.yml is what Prometheus takes (R11)', async ({ skip }) => {
  const answer = await promtool('check', 'rules', join(FOLDER, 'alerts.yml'));
  skip(answer === undefined, NO_PROMTOOL);
  expect(answer).toMatchObject({ ok: true });
});

// Each runs hours of series through all rules, which takes seconds of a busy machine.
const RULES_TIMEOUT_MS = 60_000;

test(
  'each alert fires in its fault and clears after it (R11)',
  { timeout: RULES_TIMEOUT_MS },
  async ({ skip }) => {
    const answer = await promtool('test', 'rules', join(FOLDER, 'alerts.test.yml'));
    skip(answer === undefined, NO_PROMTOOL);
    expect(answer?.text).toContain('SUCCESS');
    expect(answer?.ok).toBe(true);
  },
);

test('the unit tests have every alert firing, and then not', () => {
  const text = readFileSync(join(FOLDER, 'alerts.test.yml'), 'utf8');
  for (const { name } of alertRules()) {
    const checks = text.split(`alertname: ${name}\n`).slice(1);
    expect([name, checks.length]).toEqual([name, 2]);
    expect(checks[0]).toMatch(/^ +exp_alerts:\n +- exp_labels:/);
    expect(checks[1]).toMatch(/^ +exp_alerts: \[\]/);
  }
});

test(
  'a rule with another threshold does not pass the unit tests',
  { timeout: RULES_TIMEOUT_MS },
  async ({ skip }) => {
    await using folder = tempFolder();
    const rules = readFileSync(join(FOLDER, 'alerts.yml'), 'utf8');
    const cases = readFileSync(join(FOLDER, 'alerts.test.yml'), 'utf8');
    await writeFile(join(folder.path, 'alerts.yml'), rules.replace('> 0.85', '> 0.95'));
    await writeFile(join(folder.path, 'alerts.test.yml'), cases);
    const answer = await promtool('test', 'rules', join(folder.path, 'alerts.test.yml'));
    skip(answer === undefined, NO_PROMTOOL);
    expect(answer?.ok).toBe(false);
    expect(answer?.text).toContain('CortexMcpCpu');
  },
);

test.each([
  ['CortexMcpCpu', '> 0.85', 'for: 5m'],
  ['CortexMcpMemory', '> 0.9', 'for: 5m'],
  ['CortexMcpMemory', 'mcp_memory_used_bytes / mcp_memory_limit_bytes', 'severity: critical'],
  ['CortexMcpEventLoop', '> 0.1', 'for: 5m'],
  ['CortexMcpEventLoopStalls', '> 0.01', 'for: 5m'],
  ['CortexMcpCallsSlow', '> 0.25', 'severity: warning'],
  ['CortexMcpCallsVerySlow', '> 5', 'severity: critical'],
  ['CortexMcpCallErrors', '> 0.05', 'for: 5m'],
  ['CortexMcpCacheHitRate', '< 0.7', 'severity: warning'],
  ['CortexMcpPlacesTaken', '> 0.9', 'for: 5m'],
  ['CortexMcpConnectorDown', '== 0', 'for: 5m'],
  ['CortexMcpConnectorDown', '== 0', 'severity: critical'],
  ['CortexMcpMapSignature', '> 0.01', '[15m]'],
  ['CortexMcpRecordsLost', '> 0.005', 'severity: critical'],
])('%s has the threshold of R11: %s, %s', (name, threshold, more) => {
  const rule = alertRules().find((one) => one.name === name);
  expect(rule?.text).toContain(threshold);
  expect(rule?.text).toContain(more);
});

test('queries of the dashboard and of the rules name series and labels that there are', () => {
  const known = seriesNames();
  const labels = new Map(
    declaredMetrics().flatMap(({ metrics }) => metrics.map((one) => [one.name, one.labels])),
  );
  const rules = alertRules().map(({ name, text }) => ({ panel: name, expr: exprOf(text) }));
  const wrong = [...dashboardQueries(), ...rules].flatMap(({ panel, expr }) => {
    const series = seriesIn(expr);
    if (series.length === 0) return [`${panel}: no series`];
    return series.flatMap(({ name, labels: asked }) => {
      if (name === 'up') return [];
      if (!known.has(name)) return [`${panel}: ${name}`];
      const own = labels.get(name) ?? labels.get(name.replace(/_(bucket|sum|count)$/, '')) ?? [];
      const all = new Set([...own, 'job', 'instance', 'le']);
      return asked.filter((label) => !all.has(label)).map((label) => `${name}{${label}}`);
    });
  });
  expect(wrong).toEqual([]);
});

test('every metric of the gateway is on the dashboard', () => {
  const shown = new Set(
    dashboardQueries()
      .flatMap(({ expr }) => seriesIn(expr))
      .map(baseName),
  );
  const metrics = declaredMetrics().flatMap((part) => part.metrics.map(({ name }) => name));
  const missing = metrics.filter((name) => /^(mcp|brainwav)_/.test(name) && !shown.has(name));
  expect(missing).toEqual([]);
});

test('Prometheus can read every query of the dashboard', async ({ skip }) => {
  await using folder = tempFolder();
  const path = join(folder.path, 'queries.yml');
  const rules = dashboardQueries().map(
    ({ expr }, index) => `      - record: q${index}\n        expr: ${JSON.stringify(expr)}`,
  );
  await writeFile(path, `groups:\n  - name: dashboard\n    rules:\n${rules.join('\n')}\n`);
  const answer = await promtool('check', 'rules', path);
  skip(answer === undefined, NO_PROMTOOL);
  expect(answer).toMatchObject({ ok: true });
});

function exprOf(rule: string): string {
  return /expr: (?:\|\n)?([\s\S]*?)\n +(?:for|labels):/.exec(rule)?.[1] ?? '';
}

function baseName({ name }: { readonly name: string }): string {
  return name.replace(/_(bucket|sum|count)$/, '');
}
