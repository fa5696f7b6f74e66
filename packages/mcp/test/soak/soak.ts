import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { processTree, startUpstream, type StdioUpstream } from '@cortex-os/testkit';
import { Agent, request } from 'undici';
import { startLightServer, type LightServer } from './light-server.ts';
import type { Held } from './soak-child.ts';

export interface SoakOptions {
  readonly calls: number;
  readonly sessions: number;
  readonly restarts: number;
}

export interface SoakReport {
  readonly answered: number;
  /** Calls that failed with a typed error because their server was restarted, by code. */
  readonly failed: Readonly<Record<string, number>>;
  /** Answers that were neither. */
  readonly odd: readonly string[];
  readonly sessions: number;
  readonly restarts: number;
  /** After half of the work, and at the end; nothing is under way at either time. */
  readonly early: Held;
  readonly late: Held;
  readonly childrenEarly: number;
  readonly childrenLate: number;
  readonly seconds: number;
  /** Children of the gateway and connections to servers after it has closed. */
  readonly left: number;
}

const SERVERS = 8;
/** Callers of one server: fewer than the failures that open a breaker. */
const LOOPS_PER_SERVER = 4;
const CHILD = fileURLToPath(new URL('soak-child.ts', import.meta.url));
const JSON_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
} as const;
const MODERN = {
  ...JSON_HEADERS,
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
} as const;
const META = JSON.stringify({
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'soak', version: '0' },
  'io.modelcontextprotocol/clientCapabilities': {},
});

class Soak {
  readonly #url: string;
  readonly #child: ChildProcess;
  readonly #servers: readonly LightServer[];
  readonly #stdio: StdioUpstream;
  readonly #agent = new Agent({ connections: SERVERS * LOOPS_PER_SERVER + 8 });
  readonly odd: string[] = [];
  readonly failed: Record<string, number> = {};
  answered = 0;
  sessions = 0;
  restarts = 0;
  #next = 0;
  /** What the last refusal said of the next try. */
  #retryAfterMs = 100;

  constructor(
    url: string,
    child: ChildProcess,
    servers: readonly LightServer[],
    stdio: StdioUpstream,
  ) {
    this.#url = url;
    this.#child = child;
    this.#servers = servers;
    this.#stdio = stdio;
  }

  async held(): Promise<Held> {
    this.#child.send('held');
    const [held] = (await once(this.#child, 'message')) as [Held];
    return held;
  }

  /** So much of everything, side by side. */
  async work({ calls, sessions, restarts }: SoakOptions): Promise<void> {
    const loops = this.#servers.flatMap((_, index) =>
      Array.from({ length: LOOPS_PER_SERVER }, async () => {
        const share = Math.ceil(calls / (SERVERS * LOOPS_PER_SERVER));
        for (let done = 0; done < share; done += 1) await this.#call(`s${index}`);
      }),
    );
    const callers = Promise.all(loops);
    let isOver = false;
    void callers.finally(() => (isOver = true));
    const openers = Array.from({ length: 4 }, async () => {
      for (let done = 0; done < Math.ceil(sessions / 4); done += 1) await this.#session();
    });
    await Promise.all([callers, ...openers, this.#restarts(restarts, () => isOver)]);
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  async #restarts(count: number, isOver: () => boolean): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      // One that dies again and again is started later each time, up to 30 s.
      if (done % 50 === 49) {
        await this.#restartProcess();
      } else {
        await this.#servers[done % SERVERS]?.restart();
        // Spread over the calls, so that most servers are well at any time.
        if (!isOver()) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      this.restarts += 1;
    }
  }

  async #restartProcess(): Promise<void> {
    await this.#stdio.restart();
    // The next call starts it again; until it may, calls say when. A client that keeps asking would open the breaker.
    const endMs = performance.now() + 120_000;
    while (!(await this.#call('process'))) {
      if (performance.now() > endMs) throw new Error('the process does not answer again');
      await new Promise((resolve) => setTimeout(resolve, this.#retryAfterMs));
    }
  }

  async #call(connector: string): Promise<boolean> {
    this.#next += 1;
    const canary = `canary-${this.#next}-end`;
    const name = `${connector}__echo`;
    const { body } = await request(this.#url, {
      dispatcher: this.#agent,
      method: 'POST',
      headers: { ...MODERN, 'mcp-name': name },
      body: `{"jsonrpc":"2.0","id":${this.#next},"method":"tools/call","params":{"name":"${name}","arguments":{"message":"${canary}"},"_meta":${META}}}`,
    });
    return this.#judge(await body.text(), canary, connector);
  }

  #judge(text: string, canary: string, connector: string): boolean {
    if (text.includes(canary)) {
      this.answered += 1;
      return true;
    }
    const code = /"code":"([A-Z_]+)"/.exec(text)?.[1];
    this.#retryAfterMs = 10 + Number(/"retryAfterMs":(\d+)/.exec(text)?.[1] ?? 90);
    if (code !== undefined && text.includes(connector)) {
      this.failed[code] = (this.failed[code] ?? 0) + 1;
    } else if (this.odd.length < 20) this.odd.push(text.slice(0, 300));
    return false;
  }

  /** A legacy session: opened, used, its stream opened, and ended by its client. */
  async #session(): Promise<void> {
    const opened = await this.#legacy('initialize', 1, {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'soak', version: '0' },
    });
    await opened.body.dump();
    const session = String(opened.headers['mcp-session-id']);
    const headers = {
      ...JSON_HEADERS,
      'mcp-protocol-version': '2025-11-25',
      'mcp-session-id': session,
    };
    const stop = new AbortController();
    const stream = await request(this.#url, {
      dispatcher: this.#agent,
      headers: { ...headers, accept: 'text/event-stream' },
      signal: stop.signal,
    });
    stream.body.on('error', () => undefined); // it is given up below
    const canary = `canary-session-${this.sessions}-end`;
    const params = { name: 's0__echo', arguments: { message: canary } };
    const called = await this.#legacy('tools/call', 2, params, headers);
    this.#judge(await called.body.text(), canary, 's0');
    stop.abort();
    const options = { dispatcher: this.#agent, method: 'DELETE', headers } as const;
    const ended = await request(this.#url, options);
    await ended.body.dump();
    if (ended.statusCode !== 204) this.odd.push(`DELETE answered ${ended.statusCode}`);
    this.sessions += 1;
  }

  async #legacy(
    method: string,
    id: number,
    params: object,
    headers: Readonly<Record<string, string>> = JSON_HEADERS,
  ): ReturnType<typeof request> {
    return await request(this.#url, {
      dispatcher: this.#agent,
      method: 'POST',
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
    });
  }
}

/** So many calls, sessions and restarts of servers against one gateway, and what it holds before and after. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const startedAtMs = performance.now();
  const servers = await Promise.all(Array.from({ length: SERVERS }, startLightServer));
  await using stdio = await startUpstream({ kind: 'modern-stdio' });
  const mcpServers = Object.fromEntries([
    ...servers.map(({ url }, index) => [`s${index}`, { url }]),
    ['process', stdio.command],
  ]);
  const child = fork(CHILD, [JSON.stringify(mcpServers)], {
    execArgv: ['--expose-gc'],
  });
  const [{ url }] = (await once(child, 'message')) as [{ url: string }];
  const pid = child.pid ?? 0;
  const children = (): number => processTree(pid).filter((one) => one.pid !== pid).length;
  const soak = new Soak(url, child, servers, stdio);

  const share = (part: number): SoakOptions => ({
    calls: Math.ceil(options.calls * part),
    sessions: Math.ceil(options.sessions * part),
    restarts: Math.ceil(options.restarts * part),
  });
  // Half of it fills pools, and makes room for code and young objects: what comes after must fit in there.
  await soak.work(share(0.5));
  const early = await soak.held();
  const childrenEarly = children();
  await soak.work(share(0.5));
  const late = await soak.held();
  const childrenLate = children();

  const ended = once(child, 'exit');
  child.send('close');
  await ended;
  await soak.close();
  const left =
    stdio.processes().length + servers.reduce((sum, { connections }) => sum + connections, 0);
  await Promise.all(servers.map(async (server) => await server[Symbol.asyncDispose]()));
  const { answered, failed, odd, sessions, restarts } = soak;
  return {
    answered,
    failed,
    odd,
    sessions,
    restarts,
    early,
    late,
    childrenEarly,
    childrenLate,
    seconds: Math.round((performance.now() - startedAtMs) / 1000),
    left,
  };
}

/** Memory that may differ between two looks at a gateway that leaks nothing: compiled code, fragments. */
const SLACK_BYTES = 16 * 1024 * 1024;
/** What lives on the heap differs by some 0.3 MB. */
const HEAP_SLACK_BYTES = 4 * 1024 * 1024;
/** Sockets in pools come and go. */
const SLACK_HANDLES = 80;

function total({ resources }: Held): number {
  return Object.values(resources).reduce((sum, count) => sum + count, 0);
}

function timers({ resources }: Held): number {
  return resources['Timeout'] ?? 0;
}

/** What a report says against the promise that nothing grows; empty when it holds. */
export function leaksIn(report: SoakReport): readonly string[] {
  const { early, late } = report;
  return [
    late.rssBytes > early.rssBytes * 1.15 + SLACK_BYTES &&
      `RSS ${early.rssBytes} to ${late.rssBytes}`,
    late.heapBytes > early.heapBytes + HEAP_SLACK_BYTES &&
      `heap ${early.heapBytes} to ${late.heapBytes}`,
    total(late) > total(early) + SLACK_HANDLES && `handles ${total(early)} to ${total(late)}`,
    timers(late) > timers(early) + 20 && `timers ${timers(early)} to ${timers(late)}`,
    report.childrenLate > report.childrenEarly &&
      `children ${report.childrenEarly} to ${report.childrenLate}`,
    late.sessions > 0 && `${late.sessions} sessions`,
    report.left > 0 && `${report.left} connections or processes after the end`,
    ...report.odd,
  ].filter((line) => line !== false);
}
