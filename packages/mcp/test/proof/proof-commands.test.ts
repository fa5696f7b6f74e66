import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  startUpstream,
  type StdioUpstream,
  tempFolder,
  type TempFolder,
  waitUntil,
} from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseBaseline } from '../../src/proof/baseline-record.ts';
import { createHostFiles } from '../../src/proof/host-files.ts';
import { listeningPorts } from '../../src/proof/inspector-port.ts';
import { cliBench, type CliBench } from '../cli/fake-io.ts';
import { type ServeProcess, startServe } from '../e2e/serve-process.ts';

// One real service under real traffic for all of them: what is tested is what is read of it.
let upstream: StdioUpstream;
let serve: ServeProcess;
let bench: CliBench;
let origin: string;
let pid: number;
let home: TempFolder;
const PROBE = ['--probe', 'demo__echo', '--args', '{"message":"hello"}'];

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'legacy-stdio' });
  home = tempFolder();
  serve = await startServe({
    folder: home,
    mcpServers: { demo: upstream.command },
    env: { MCP_INSTANCE_ID: 'canary', MCP_ROLLOUT_PERCENT: '100' },
  });
  origin = new URL(serve.url).origin;
  await waitUntil(async () => (await fetch(`${origin}/readyz`)).ok, { describe: 'it is synced' });
  pid = serve.child.pid ?? 0;
  bench = await cliBench();
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await serve[Symbol.asyncDispose]();
  await upstream.close();
  await home[Symbol.asyncDispose]();
});

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  bench.stdout.text = '';
  bench.stderr.text = '';
  const code = await bench.run(...argv);
  return { code, out: bench.stdout.text, err: bench.stderr.text };
}

const collect = async (label: string, ...more: string[]) =>
  await run('baseline', 'collect', '--url', origin, '--seconds', '2', '--label', label, ...more);

test('baseline collect measures a service at work and keeps it in a dated folder (S1-10 to S1-15, S3-12, S3-13)', async () => {
  const { code, out, err } = await collect('first', ...PROBE);
  expect([code, err]).toEqual([0, 'watching for 2 s\n']);
  expect(out).toMatch(/probe\.unpacedPerSecond +\d+/);
  const day = new Date().toISOString().slice(0, 10);
  const folder = join(bench.path, 'mcp-optimization-baselines', `${day}-first`);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect((await readdir(folder)).toSorted()).toEqual([
    'baseline.json',
    'configuration.json',
    'memory.txt',
    'servers.json',
    'servers.txt',
    'systemd-metrics.txt',
    'thp.txt',
  ]);
  const { metrics, host, settings, budget, restarted } = parseBaseline(
    await readFile(join(folder, 'baseline.json'), 'utf8'),
  );
  expect(restarted).toBe(false);
  for (const name of [
    'calls.p95Ms',
    'connector.demo.meanMs',
    'connector.demo.pssBytes',
    'total.pssBytes',
    'heap.old.fragmentation',
    'arrayBuffers.bytes',
    'gc.pauseShare',
    'loop.p99Ms',
  ]) {
    expect([name, metrics[name]?.value]).toEqual([name, expect.any(Number)]);
  }
  expect(metrics['probe.errorRatio']?.value).toBe(0);
  // Nothing was synced meanwhile: there is no latency of that, which is not one of 0.
  expect(metrics['syncs.p95Ms']?.value).toBe('unknown');
  expect(settings).toMatchObject({ MCP_ROLLOUT_PERCENT: 100, MCP_INSTANCE_ID: 'canary' });
  expect(host['nodeFlags']).toContain('--conditions=cortex-source');
  expect(budget.find(({ what }) => what === 'registry lookup')?.measuredMs).toBe('unknown');
}, 30_000);

test('baseline diff, report and list read what was kept, twice on one day', async () => {
  await collect('twice', '--rate', '20', ...PROBE);
  const second = await collect('twice', '--rate', '20', '--json', ...PROBE);
  const { folder } = JSON.parse(second.out) as { folder: string };
  expect(folder).toMatch(/-twice-2$/);
  const [name = ''] = /[^/]+$/.exec(folder) ?? [];
  const first = name.replace(/-2$/, '');
  const diff = await run('baseline', 'diff', first, folder, '--threshold', '10', '--json');
  const parsed = JSON.parse(diff.out) as { rows: { name: string; verdict: string }[] };
  expect(parsed.rows.find((row) => row.name === 'probe.errorRatio')?.verdict).toBe('same');
  const text = await run('baseline', 'diff', first, name);
  expect(text.out).toMatch(/^FIGURE +BEFORE/);
  expect(text.out).toContain('simple tool call, p50');
  const report = await run('baseline', 'report', first, name, '-o', 'analysis.md');
  expect(report.out).toContain('Throughput: 11 % more or better   unknown');
  expect(await readFile(join(bench.path, 'analysis.md'), 'utf8')).toContain('## Gates');
  await writeFile(join(folder, 'baseline.json'), '{"format":2}');
  const list = await run('baseline', 'list');
  expect(list.out).toMatch(/-twice +\d{4}-/);
  expect(list.out).toMatch(/-twice-2 .*cannot be used: format/);
}, 30_000);

test.each([
  [['baseline', 'collect', '--label', '../x'], 2, '--label must be'],
  [['baseline', 'collect', '--seconds', '0'], 2, '--seconds must be a number from 1'],
  [['baseline', 'diff', 'a', 'b'], 1, 'no baseline: there is no'],
  [['profile', 'cpu', '--mode', 'slow', '--pid', '1'], 2, '--mode must be normal or fine'],
  [['profile', 'heap', '--pid', '4194304'], 1, 'there is no such process'],
  [['profile', 'cpu', '--url', 'http://192.0.2.1:1'], 2, 'must be a loopback address'],
  [['rollout', 'check', '--steps', '50,10'], 2, '--steps must be'],
  [['rollout', 'check', '--url', 'x'], 2, 'is no address'],
])('%j ends with code %i and says why', async (argv, expected, message) => {
  const { code, err } = await run(...argv);
  expect(code).toBe(expected);
  // A second one says what to do.
  expect(err.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
  expect(err).toContain(message);
});

test('baseline collect says that a tool cannot be called, and that no service answers', async () => {
  const wrong = await collect('x', '--probe', 'demo__nothing');
  expect([wrong.code, wrong.err]).toEqual([
    1,
    expect.stringContaining('demo__nothing cannot be called'),
  ]);
  const args = await collect('x', ...PROBE.slice(0, 2), '--args', '[1]');
  expect([args.code, args.err]).toEqual([
    2,
    expect.stringContaining('--args must be a JSON object'),
  ]);
  const gone = await run('baseline', 'collect', '--url', 'http://127.0.0.1:1');
  expect([gone.code, gone.err]).toEqual([1, expect.stringContaining('no running service')]);
});

const isLinux = process.platform === 'linux';

test.runIf(isLinux)(
  'profile cpu opens the inspector of a running service, and closes it again (S3-09, S3-10)',
  async () => {
    const before = await listeningPorts(createHostFiles(), pid);
    const profile = run('profile', 'cpu', '--url', origin, '--seconds', '1', '-o', 'x.cpuprofile');
    const { code, out, err } = await profile;
    expect(code).toBe(0);
    expect(err).toMatch(/inspector open, 127\.0\.0\.1:\d+/);
    expect(out).toMatch(/SHARE +ITSELF/);
    expect(await readFile(join(bench.path, 'x.svg'), 'utf8')).toMatch(/^<svg/);
    const kept: unknown = JSON.parse(await readFile(join(bench.path, 'x.cpuprofile'), 'utf8'));
    expect(kept).toHaveProperty('samples');
    expect(await listeningPorts(createHostFiles(), pid)).toEqual(before);
  },
  30_000,
);

/** Asks for the metrics until it is told to end: allocates a lot. */
async function scrapeUntil(over: AbortSignal): Promise<void> {
  while (!over.aborted) await (await fetch(`${origin}/metrics`)).text();
}

test.runIf(isLinux)(
  'profile heap names what holds memory; --snapshot warns and writes the heap (S3-11)',
  async () => {
    const over = new AbortController();
    const load = scrapeUntil(over.signal);
    const sampled = await run(
      'profile',
      'heap',
      '--pid',
      String(pid),
      '--seconds',
      '0.5',
      '--mode',
      'allocated',
      '--json',
    );
    over.abort();
    await load;
    const { what, top, file } = JSON.parse(sampled.out) as {
      what: string;
      top: object[];
      file: string;
    };
    expect([what, top.length > 0, top.length <= 20]).toEqual(['heap', true, true]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const snapshot = await run(
      'profile',
      'heap',
      '--pid',
      String(pid),
      '--snapshot',
      '-o',
      'x.heapsnapshot',
    );
    expect(snapshot.err).toContain('keys and tokens too');
    const text = await readFile(join(bench.path, 'x.heapsnapshot'), 'utf8');
    expect(JSON.parse(text)).toHaveProperty('snapshot');
  },
  60_000,
);

test('rollout check judges a running instance, and rollout plan shows the steps', async () => {
  await collect('load', ...PROBE);
  const done = await run('rollout', 'check', '--url', origin, '--seconds', '0', '--json');
  const checked = JSON.parse(done.out) as { decision: string; percent: number };
  expect([done.code, checked.decision, checked.percent]).toEqual([0, 'advance', 100]);
  const short = await run('rollout', 'check', '--url', origin, '--seconds', '1');
  expect([short.code, short.err]).toEqual([1, 'watching for 1 s\n']);
  expect(short.out).toContain('hold, at 100 %');
  const plan = await run('rollout', 'plan', 'a', 'd');
  expect(plan.out).toContain('MCP_CONNECTOR_REFRESH_SYNC=true pm2 restart cortex-mcp --update-env');
  expect(plan.out).toMatch(/10 % +1 of 2/);
}, 30_000);

test('what could not be written or compared is said before anything is watched', async () => {
  const started = performance.now();
  const nowhere = join(home.path, 'nowhere', 'x.cpuprofile');
  const profile = await run('profile', 'cpu', '--url', origin, '-o', nowhere);
  expect([profile.code, profile.err]).toEqual([2, expect.stringContaining('cannot be written to')]);
  const folder = await run('profile', 'heap', '--url', origin, '-o', home.path);
  expect(folder.err).toContain('is a folder');
  const check = await run('rollout', 'check', '--url', origin, '--baseline', 'none');
  expect([check.code, check.out]).toEqual([1, '']);
  expect(check.err).toMatch(/^cortex-mcp: no baseline/);
  const file = join(home.path, 'cortex-mcp.json');
  const kept = await run('baseline', 'collect', '--url', origin, '--dir', join(file, 'below'));
  expect([kept.code, kept.err]).toEqual([1, expect.stringContaining('ENOTDIR')]);
  const odd = await run('baseline', 'collect', '--url', 'nowhere');
  expect([odd.code, odd.err]).toEqual([
    2,
    expect.stringContaining('cortex-mcp: --url "nowhere" is no address (USAGE)\n'),
  ]);
  expect(performance.now() - started).toBeLessThan(10_000);
}, 30_000);

test('rollout check compares instances with and without the change, and holds where they disagree (S4-35)', async () => {
  await using other = await startServe({
    mcpServers: { demo: upstream.command },
    env: { MCP_INSTANCE_ID: 'rest', MCP_ROLLOUT_PERCENT: '0' },
  });
  const urls = ['--url', origin, '--url', new URL(other.url).origin];
  const { code, out } = await run('rollout', 'check', ...urls, '--seconds', '0', '--calls', '1');
  expect(out).toMatch(/with the change: 1, \d+ calls; without: 1, 0 calls/);
  expect(code).toBe(1);
  expect(out).toContain('the instances do not agree on MCP_ROLLOUT_PERCENT');
}, 30_000);

test.runIf(isLinux)(
  'profile finds a service that answers nowhere by who owns its state folder',
  async () => {
    const config = ['--config', join(home.path, 'cortex-mcp.json'), '--port', '0'];
    const env = { ...bench.io.env, CORTEX_HOME: home.path };
    await using own = await cliBench({ env });
    expect(await own.run('profile', 'cpu', ...config, '--seconds', '0.2', '--json')).toBe(0);
    expect(JSON.parse(own.stdout.text)).toMatchObject({ pid, what: 'cpu', mode: 'normal' });
    await using other = await cliBench();
    expect(await other.run('profile', 'cpu', ...config)).toBe(1);
    expect(other.stderr.text).toContain('no running service');
  },
);
