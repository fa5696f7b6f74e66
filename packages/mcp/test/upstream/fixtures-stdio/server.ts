/**
 * A small MCP server for the stdio tests, run as a program of its own. Arguments:
 * `--era=legacy|modern`, `--discover=refuse|ignore|exit`, `--hang` (never answers), `--stubborn` (survives
 * SIGTERM and the end of stdin), `--daemon` (starts a process in a session of its own), `--helper` (starts one
 * in the same group), `--die-at-start`, `--version=…` (answered to initialize), `--resources` (offers
 * subscriptions and logging; URIs that end in `bad` are refused), `--listen=refuse|end|ignore`.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const flags = new Map(
  process.argv.slice(2).map((arg): [string, string] => {
    const [name = '', value = ''] = arg.replace(/^--/, '').split('=');
    return [name, value];
  }),
);
const received: string[] = [];
const modern = flags.get('era') === 'modern';
const LONG_LIFE =
  'setInterval(() => {}, 1000); for (const s of ["SIGTERM", "SIGHUP"]) process.on(s, () => {})';

function sleeper(detached: boolean): number | undefined {
  const child = spawn(process.execPath, ['-e', LONG_LIFE], { detached, stdio: 'ignore' });
  child.unref();
  return child.pid;
}

if (flags.has('die-at-start')) {
  process.stderr.write('\u001b[31mmissing API_KEY\u001b[0m\n');
  process.exit(3);
}
if (flags.has('stubborn') || flags.has('hang')) {
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1000);
}
if (flags.has('daemon')) process.stderr.write(`daemon ${sleeper(true)}\n`);
if (flags.has('helper')) process.stderr.write(`helper ${sleeper(false)}\n`);

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
}

const following = flags.has('resources') ? { resources: { subscribe: true }, logging: {} } : {};
const capabilities = { tools: { listChanged: true }, ...following };
const asked = new Map<string, number | string | undefined>();

function discover(id: Message['id']): void {
  const how = flags.get('discover') ?? (modern ? 'answer' : 'refuse');
  if (how === 'exit') process.exit(1);
  if (how === 'refuse') send({ id, error: { code: -32601, message: 'Method not found' } });
  if (how === 'answer') {
    const meta = { 'io.modelcontextprotocol/serverInfo': { name: 'fixture', version: '2' } };
    const supportedVersions = [flags.get('version') ?? '2026-07-28'];
    send({ id, result: { supportedVersions, capabilities, resultType: 'complete', _meta: meta } });
  }
}

function initialize(id: Message['id']): void {
  if (modern) {
    send({ id, error: { code: -32601, message: 'Method not found: initialize' } });
    return;
  }
  const protocolVersion = flags.get('version') ?? '2025-11-25';
  const serverInfo = { name: 'fixture', version: '1' };
  send({ id, result: { protocolVersion, capabilities, serverInfo, instructions: 'be kind' } });
}

const isBad = (uri: unknown): boolean => String(uri).endsWith('bad');

/** Subscriptions and levels, in either era. */
function follow({ id, method, params = {} }: Message): boolean {
  const how = flags.get('listen');
  if (method === 'subscriptions/listen' && how !== undefined) {
    if (how === 'refuse') send({ id, error: { code: -32601, message: 'no subscriptions' } });
    if (how === 'end') send({ id, result: { resultType: 'complete' } });
    return true;
  }
  if (method === 'subscriptions/listen') {
    const filter = Object(params['notifications']);
    const uris: unknown[] | undefined = filter.resourceSubscriptions;
    const granted = uris && { resourceSubscriptions: uris.filter((uri) => !isBad(uri)) };
    const meta = { 'io.modelcontextprotocol/subscriptionId': id };
    const acknowledged = { notifications: { ...filter, ...granted }, _meta: meta };
    send({ method: 'notifications/subscriptions/acknowledged', params: acknowledged });
    return true;
  }
  if (method?.startsWith('resources/') !== true && method !== 'logging/setLevel') return false;
  if (isBad(params['uri'])) send({ id, error: { code: -32602, message: 'no such resource' } });
  else send({ id, result: {} });
  return true;
}

/** What tests ask for: `params.do` names it. */
const actions: Record<string, (id: Message['id'], params: Record<string, unknown>) => void> = {
  echo: (id, params) => send({ id, result: params }),
  received: (id) => send({ id, result: { received } }),
  env: (id) => send({ id, result: process.env }),
  cwd: (id) => send({ id, result: { cwd: process.cwd() } }),
  never: () => undefined,
  refuse: (id) => send({ id, error: { code: -32099, message: 'no', data: { why: 'because' } } }),
  exit: (_id, { code }) => {
    process.stderr.write('about to go\n');
    process.exit(Number(code));
  },
  'answer-and-exit': (id) => {
    process.stdout.write(
      `${JSON.stringify({ jsonrpc: '2.0', id, result: { last: true } })}\n`,
      () => process.exit(0),
    );
  },
  raw: (id, { text }) => void process.stdout.write(String(text).replaceAll('$ID', String(id))),
  big: (id, { bytes }) => send({ id, result: { text: 'x'.repeat(Number(bytes)) } }),
  progress: (id, params) => {
    const meta = new Map(Object.entries(Object(params['_meta'])));
    for (const step of [1, 2]) {
      send({
        method: 'notifications/progress',
        params: { progressToken: meta.get('progressToken'), progress: step, total: 2 },
      });
    }
    send({ id, result: { done: true } });
  },
  ask: (id, { method, with: params }) => {
    asked.set(`ask-${id}`, id);
    send({ id: `ask-${id}`, method, params });
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  if (flags.has('hang')) return;
  received.push(line);
  const message: Message = JSON.parse(line);
  const { id, method } = message;
  if (method === 'server/discover') discover(id);
  else if (method === 'initialize') initialize(id);
  else if (method === undefined) send({ id: asked.get(String(id)), result: message });
  else if (id !== undefined && !follow(message)) {
    const params = { ...message.params };
    actions[String(params['do'])]?.(id, params);
  }
});
