import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { z } from 'zod';
import { FOLDER } from '../test/observability/dashboard.ts';

/** A Prometheus that scrapes every second. */
export interface Prometheus extends AsyncDisposable {
  /** Resolves when each of these alerts has fired since. Default: within 90 s. */
  untilFired(alerts: readonly string[], timeoutMs?: number): Promise<void>;
  /** Resolves when no alert fires; within 3 min. @param after what is over. */
  untilQuiet(after: string): Promise<void>;
  /** How many series a query gives. @throws Error when Prometheus refuses it. */
  seriesOf(query: string): Promise<number>;
}

const alerts = z.object({
  data: z.object({
    alerts: z.array(
      z.object({ state: z.string(), labels: z.object({ alertname: z.string() }).loose() }),
    ),
  }),
});
const answer = z.object({ data: z.object({ result: z.array(z.unknown()) }) });

/** Of Debian's package of the same name. */
const PROGRAM: string = 'prometheus';

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** The rules, in seconds where they are in minutes. */
function fastRules(): string {
  return readFileSync(join(FOLDER, 'alerts.yml'), 'utf8')
    .replaceAll(/for: \d+m/g, 'for: 2s')
    .replaceAll(/\[\d+m\]/g, '[8s]');
}

/** Undefined when no `prometheus` is installed. @param port of the gateway. */
export async function startPrometheus(port: number): Promise<Prometheus | undefined> {
  const folder = tempFolder();
  const own = await freePort();
  await writeFile(join(folder.path, 'alerts.yml'), fastRules());
  const config = [
    'global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }',
    'rule_files: [alerts.yml]',
    'scrape_configs:',
    '  - job_name: cortex-mcp',
    `    static_configs: [{ targets: ['127.0.0.1:${port}'] }]`,
  ];
  await writeFile(join(folder.path, 'prometheus.yml'), config.join('\n'));
  const child = spawn(
    PROGRAM,
    [
      `--config.file=${join(folder.path, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder.path, 'data')}`,
      `--web.listen-address=127.0.0.1:${own}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  let missing = false;
  child.once('error', () => {
    missing = true;
  });
  const origin = `http://127.0.0.1:${own}`;
  const isReady = async (): Promise<boolean> => {
    try {
      return (await fetch(`${origin}/-/ready`)).ok;
    } catch {
      // Not listening yet.
      return false;
    }
  };
  await waitUntil(async () => missing || (await isReady()), {
    timeoutMs: 30_000,
    describe: 'Prometheus is ready',
  });
  if (missing) {
    await folder[Symbol.asyncDispose]();
    return undefined;
  }
  const firing = async (): Promise<readonly string[]> => {
    const all = alerts.parse(await (await fetch(`${origin}/api/v1/alerts`)).json()).data.alerts;
    return all.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
  };
  return {
    untilFired: async (wanted, timeoutMs = 90_000) => {
      const seen = new Set<string>();
      const haveFired = async (): Promise<boolean> => {
        for (const name of await firing()) seen.add(name);
        return wanted.every((name) => seen.has(name));
      };
      await waitUntil(haveFired, { timeoutMs, describe: `${wanted.join(', ')} fire` });
    },
    untilQuiet: async (after) => {
      let names: readonly string[] = [];
      const isQuiet = async (): Promise<boolean> => {
        names = await firing();
        return names.length === 0;
      };
      const wait = { timeoutMs: 180_000, describe: `nothing fires after: ${after}` };
      await waitUntil(isQuiet, wait).catch((cause: unknown) => {
        throw new Error(`${names.join(', ')} still fire after: ${after}`, { cause });
      });
    },
    seriesOf: async (query) => {
      const url = `${origin}/api/v1/query?${new URLSearchParams({ query }).toString()}`;
      const response = await fetch(url);
      if (!response.ok) throw new Error(`${query}: ${await response.text()}`);
      return answer.parse(await response.json()).data.result.length;
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}
