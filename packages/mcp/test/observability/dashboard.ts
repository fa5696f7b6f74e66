import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { repoRoot } from '../architecture/import-graph.ts';

export const FOLDER: string = join(repoRoot, 'docs/observability');

const target = z.object({ expr: z.string(), legendFormat: z.string() });
const panel = z.object({ title: z.string(), targets: z.array(target).optional() });
const dashboard = z.object({
  panels: z.array(panel),
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.unknown() })) }),
});

/** A query of the dashboard. */
export interface Query {
  readonly panel: string;
  readonly expr: string;
  readonly legend: string;
}

/** Its queries, as Grafana sends them with everything selected. */
export function dashboardQueries(intervalS: number = 60): Query[] {
  const text = readFileSync(join(FOLDER, 'grafana-dashboard.json'), 'utf8');
  return dashboard.parse(JSON.parse(text)).panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      panel: title,
      legend: legendFormat,
      expr: expr
        .replaceAll(/\$(job|instance|connector)\b/g, '.*')
        .replaceAll('$__rate_interval', `${intervalS}s`),
    })),
  );
}

/** A rule of `alerts.yml`. */
export interface AlertRule {
  readonly name: string;
  readonly text: string;
}

export function alertRules(): AlertRule[] {
  const text = readFileSync(join(FOLDER, 'alerts.yml'), 'utf8');
  const [, ...rules] = text.split(/^ +- alert: /m);
  return rules.map((rule) => ({ name: rule.split('\n', 1)[0] ?? '', text: rule }));
}

/** The series a query names, with the labels it asks of each. */
export function seriesIn(expr: string): { readonly name: string; readonly labels: string[] }[] {
  return [...expr.matchAll(/\b((?:mcp|brainwav|process|nodejs)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, name = '', labels = '']) => ({
      name,
      labels: [...labels.matchAll(/(\w+)(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
    }),
  );
}
