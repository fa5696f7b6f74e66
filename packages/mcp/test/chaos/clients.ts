import { Agent, request } from 'undici';
import type { Findings } from './findings.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { Seeded } from './seeded.ts';

/** How long a client waits before it says that nothing came. Above every deadline of the gateway's configuration. */
const PATIENCE_MS = 15_000;
const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'chaos', version: '0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
/** The longest that a breaker stays open (contract.md). */
export const OPEN_MS = 330_000;
/** Since when what explains an error may have been done. */
function causedSince(code: string, startedAtMs: number): number {
  return code === 'BREAKER_OPEN' ? startedAtMs - OPEN_MS : startedAtMs;
}
/** Codes by which the gateway says that a connector, or itself, could not do it (docs/operations.md). */
const TYPED: ReadonlySet<string> = new Set([
  'BAD_RESPONSE',
  'BREAKER_OPEN',
  'BULKHEAD_FULL',
  'CLOSED',
  'CONNECT_FAILED',
  'CONNECT_TIMEOUT',
  'HTTP_STATUS',
  'PROCESS_EXITED',
  'RPC_ERROR',
  'SESSION_LOST',
  'SPAWN_FAILED',
  'STREAM_CUT',
  'TIMEOUT',
  'TOO_LARGE',
]);

export interface ClientOptions {
  readonly name: string;
  readonly era: 'modern' | 'legacy';
  readonly gateway: GatewayProcess;
  readonly findings: Findings;
  readonly chance: Seeded;
  /** Connectors that can be called. */
  readonly connectors: () => readonly string[];
  /** Whether something was done to a connector lately that explains an error. */
  readonly disturbed: (connector: string, sinceMs: number) => boolean;
}

interface Call {
  readonly connector: string;
  readonly canary: string;
  readonly startedAtMs: number;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly sessionId: string | undefined;
}

/** A client that calls one connector after the other with what only it knows, and looks at every answer. */
export class ChaosClient {
  readonly #options: ClientOptions;
  readonly #agent = new Agent({
    connections: 2,
    bodyTimeout: PATIENCE_MS,
    headersTimeout: PATIENCE_MS,
  });
  #session:
    | { readonly id: string; readonly openedAtMs: number; readonly start: number }
    | undefined;
  #sent = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Calls until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.callOnce(this.#options.chance.pick(this.#options.connectors()));
    }
    await this.#agent.close();
  }

  /** Whether the connector answered with what was sent. */
  async callOnce(connector: string): Promise<boolean> {
    const { name, findings } = this.#options;
    this.#sent += 1;
    const canary = `canary-${name}-${this.#sent}-end`;
    const startedAtMs = performance.now();
    findings.tally.calls += 1;
    try {
      const params = { name: `${connector}__echo`, arguments: { message: canary } };
      const answer = await this.#ask('tools/call', params);
      return this.#judge(answer, { connector, canary, startedAtMs });
    } catch (error) {
      this.#broken(error, connector, startedAtMs);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return false;
    }
  }

  #judge(answer: Answer, call: Call): boolean {
    const { findings } = this.#options;
    const { body } = answer;
    const foreign = [...body.matchAll(/canary-[\w-]+?-end/g)].find(([own]) => own !== call.canary);
    if (foreign !== undefined) findings.add('wrong-client', `${call.canary} got ${foreign[0]}`);
    if (!body.includes(call.canary)) {
      this.#explain(answer, call);
      return false;
    }
    findings.tally.answered += 1;
    const { starts } = this.#options.gateway;
    if (this.#session !== undefined && this.#session.start < starts) findings.tally.continued += 1;
    return true;
  }

  /** An error is typed, names its connector, and something was done that explains it. */
  #explain({ status, body }: Answer, { connector, startedAtMs }: Call): void {
    const { findings, gateway, disturbed } = this.#options;
    const code = /"code":"([A-Z_]+)"/.exec(body)?.[1];
    const text = `${connector}: ${status} ${body.slice(0, 300)}`;
    if (status === 404) this.#sessionLost(text, startedAtMs);
    else if (status === 503 || code === 'CLOSED') {
      const isRestart = gateway.wasAwaySince(startedAtMs - 10_000);
      if (isRestart) findings.explained(code ?? String(status));
      else findings.add('unexplained-error', `nothing restarted: ${text}`);
    } else if (code === undefined || !TYPED.has(code) || !body.includes(connector)) {
      findings.add('unexplained-error', text);
    } else if (disturbed(connector, causedSince(code, startedAtMs))) {
      findings.explained(code);
    } else findings.add('unexplained-error', `it is well: ${text}`);
  }

  /** Sessions outlive their process: only one that could not be kept may be gone. */
  #sessionLost(text: string, askedAtMs: number): void {
    const { findings, gateway } = this.#options;
    const session = this.#session;
    this.#session = undefined;
    const isForgotten = session !== undefined && gateway.mayForget(session.openedAtMs, askedAtMs);
    if (isForgotten) findings.explained('404');
    else findings.add('session', text);
  }

  #broken(error: unknown, connector: string, startedAtMs: number): void {
    const { findings, gateway } = this.#options;
    if (gateway.wasAwaySince(startedAtMs)) findings.explained('gateway away');
    else findings.add('unexplained-error', `${connector}: the connection failed: ${String(error)}`);
  }

  /** The whole list; its tools by name. */
  async list(): Promise<readonly string[] | undefined> {
    const { findings, gateway } = this.#options;
    const startedAtMs = performance.now();
    findings.tally.lists += 1;
    try {
      const { body, status } = await this.#ask('tools/list', {});
      const tookMs = performance.now() - startedAtMs;
      if (gateway.wasAwaySince(startedAtMs)) return undefined;
      if (tookMs > 2_000) findings.add('list', `a list took ${Math.round(tookMs)} ms`);
      if (!body.includes('"tools":[')) {
        if (status !== 503) findings.add('list', `no list: ${status} ${body.slice(0, 200)}`);
        return undefined;
      }
      return Array.from(body.matchAll(/"name":"([\w-]+__\w+)"/g), ([, tool = '']) => tool);
    } catch (error) {
      if (!gateway.wasAwaySince(startedAtMs)) findings.add('list', `no list: ${String(error)}`);
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  async #ask(method: string, params: object): Promise<Answer> {
    if (this.#options.era === 'modern') {
      const name = Reflect.get(params, 'name') as string | undefined;
      return await this.#post(
        { jsonrpc: '2.0', id: this.#sent, method, params: { ...params, _meta: META } },
        {
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': method,
          ...(name !== undefined && { 'mcp-name': name }),
        },
      );
    }
    if (this.#session === undefined) {
      const { starts: start } = this.#options.gateway;
      const openedAtMs = performance.now();
      this.#session = { id: await this.#initialize(), openedAtMs, start };
    }
    return await this.#post(
      { jsonrpc: '2.0', id: this.#sent, method, params },
      { 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': this.#session.id },
    );
  }

  async #initialize(): Promise<string> {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'chaos', version: '0' },
    };
    const { sessionId, status } = await this.#post(
      { jsonrpc: '2.0', id: 0, method: 'initialize', params },
      {},
    );
    if (sessionId === undefined) throw new Error(`initialize: ${status}`);
    await this.#post(
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': sessionId },
    );
    return sessionId;
  }

  async #post(message: object, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const response = await request(this.#options.gateway.url, {
      dispatcher: this.#agent,
      method: 'POST',
      body: JSON.stringify(message),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
    });
    const sessionId = response.headers['mcp-session-id'];
    return {
      status: response.statusCode,
      body: await response.body.text(),
      sessionId: typeof sessionId === 'string' ? sessionId : undefined,
    };
  }
}
