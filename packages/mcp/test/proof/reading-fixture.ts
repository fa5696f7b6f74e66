import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readService, type ServiceReading } from '../../src/proof/service-reading.ts';

export interface ReadingInput {
  readonly atMs: number;
  readonly pid?: number;
  readonly startedAt?: string;
  readonly node?: string;
  readonly connectors?: readonly object[];
  readonly settings?: object;
  /** Lines of `/metrics`. */
  readonly metrics?: readonly string[];
}

/** What a service would have answered. */
export function reading(input: ReadingInput): ServiceReading {
  const { atMs, pid = 100, startedAt = '2026-01-01T00:00:00.000Z' } = input;
  const { connectors = [], settings = {}, metrics = [], node = 'v26.10.0' } = input;
  const service = { name: 'cortex-mcp', version: '1.2.3', pid, node, startedAt };
  return readService(atMs, {
    status: { service, connectors, settings },
    metrics: metrics.join('\n'),
  });
}

const BOUNDS = ['0.003', '0.012', '0.025', '0.05', '0.1', '0.25', '1', '+Inf'];

/** The lines of a histogram of calls that all took less than `belowS`. */
export function callLines(
  connector: string,
  outcome: string,
  { count, belowS = 0.012 }: { readonly count: number; readonly belowS?: number },
): readonly string[] {
  const name = 'mcp_tool_call_duration_seconds';
  const labels = `connector="${connector}",outcome="${outcome}"`;
  return [
    ...BOUNDS.map((le) => {
      const isBelow = le === '+Inf' || Number(le) >= belowS;
      return `${name}_bucket{${labels},le="${le}"} ${isBelow ? count : 0}`;
    }),
    `${name}_sum{${labels}} ${count * belowS}`,
    `${name}_count{${labels}} ${count}`,
  ];
}

/** Writes files of the kernel below a folder. A target that begins with `->` makes a link. */
export async function kernelFiles(
  root: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const full = join(root, path);
    await mkdir(dirname(full), { recursive: true });
    if (text.startsWith('->')) await symlink(text.slice(2), full);
    else await writeFile(full, text);
  }
}

/** `/proc/<pid>/stat` as the kernel writes it. */
export function statLine(pid: number, parent: number, group: number, started = 1_000): string {
  const rest = Array.from({ length: 16 }, () => '0').join(' ');
  return `${pid} (a (b) c) S ${parent} ${group} ${rest} ${started} 0 0`;
}
