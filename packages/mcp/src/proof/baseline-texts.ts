import type { BaselineRecord } from './baseline-record.ts';
import { writeFigure } from './figure.ts';

/** The files of a baseline that people and scripts of old read. */
export interface BaselineTexts extends Readonly<Record<string, string>> {
  readonly 'servers.txt': string;
  readonly 'servers.json': string;
  readonly 'memory.txt': string;
}

const MEMORY = /(?:^total|^gateway|^processes|^external|^arrayBuffers|^heap|ssBytes$|^oom)/;

function lines({ metrics }: BaselineRecord, wanted: (name: string) => boolean): readonly string[] {
  const rows = Object.entries(metrics).filter(([name]) => wanted(name));
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, { value, unit, noise }]) => {
    const band = noise === undefined ? '' : `  ±${(noise * 100).toFixed(0)} %`;
    return `${name.padEnd(width)}  ${writeFigure(value, unit).padStart(14)}${band}`;
  });
}

function head({
  label,
  takenAt,
  seconds,
  scrapes,
  service,
  restarted,
  host,
}: BaselineRecord): string {
  return [
    `${label}, ${takenAt}: ${seconds} s, ${scrapes} readings${restarted ? ', RESTARTED meanwhile' : ''}`,
    `cortex-mcp ${service.version}, Node ${service.node}, process ${service.pid}`,
    ...Object.entries(host).map(([name, said]) => `${name}: ${said}`),
  ].join('\n');
}

/** By connector: its figures. */
function byConnector({ metrics }: BaselineRecord): object {
  const connectors: Record<string, Record<string, object>> = {};
  for (const [name, metric] of Object.entries(metrics)) {
    const [, id, key] = /^connector\.([^.]+)\.(.+)$/.exec(name) ?? [];
    if (id !== undefined && key !== undefined) (connectors[id] ??= {})[key] = metric;
  }
  return connectors;
}

/** @param wanted which figures `servers.txt` shows. Default: all but those of memory. */
export function baselineTexts(
  record: BaselineRecord,
  wanted: (name: string) => boolean = (name) => !MEMORY.test(name),
): BaselineTexts {
  const memory = lines(record, (name) => MEMORY.test(name));
  return {
    'servers.txt': `${head(record)}\n\n${lines(record, wanted).join('\n')}\n`,
    'servers.json': `${JSON.stringify(byConnector(record), undefined, 2)}\n`,
    'memory.txt': `${head(record)}\n\n${memory.join('\n')}\n`,
  };
}
