import { LIST_BY_METHOD } from '../protocol/list-kind.ts';
import { RPC, errorObject, type RawMember } from '../protocol/message.ts';
import { LATEST_MODERN } from '../protocol/revision.ts';
import { UpstreamError } from './upstream-error.ts';
import type {
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  Upstream,
  UpstreamInfo,
} from './upstream.ts';

/** Tools of our own, without a wire. */
export interface InProcessServer {
  readonly name: string;
  readonly version: string;
  readonly instructions: string;
  /** As `tools/list` gives them; they do not change. */
  list(): Promise<readonly object[]>;
  /** The result of `tools/call`; undefined for a name that is no tool. Never rejects. */
  call(name: string, args: unknown): Promise<object | undefined>;
}

/** Our tools change with our version only, and clients ask again after a restart. */
const LIST_TTL_MS = 3_600_000;

/** A result as a modern server writes it; for legacy clients the gateway takes the envelope off. */
function resultText(result: object): string {
  return JSON.stringify({ resultType: 'complete', ...result });
}

function memberOf(members: readonly RawMember[], key: string): unknown {
  const member = members.find((one) => one.key === key);
  return member === undefined ? undefined : JSON.parse(member.text);
}

type Answer =
  | { readonly kind: 'result'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string };

class InProcessUpstream implements Upstream {
  readonly connectorId: string;
  readonly info: UpstreamInfo;
  readonly phase = 'ready';
  readonly #server: InProcessServer;
  #closed = false;

  constructor(connectorId: string, server: InProcessServer) {
    const { name, version, instructions } = server;
    this.connectorId = connectorId;
    this.#server = server;
    this.info = {
      era: 'modern',
      protocolVersion: LATEST_MODERN,
      capabilities: { tools: {} },
      serverInfo: { name, version },
      instructions,
    };
  }

  async connect(signal: AbortSignal): Promise<UpstreamInfo> {
    if (signal.aborted) throw this.#error('CANCELLED', 'no longer wanted');
    if (this.#closed) throw this.#closedError();
    return await Promise.resolve(this.info);
  }

  async request(method: string, params: readonly RawMember[]): Promise<string> {
    if (this.#closed) throw this.#closedError();
    const answer = await this.#answer(method, params);
    if (answer.kind === 'result') return answer.text;
    throw new UpstreamError('RPC_ERROR', `${method} was refused`, {
      connectorId: this.connectorId,
      phase: 'ready',
      rpcErrorText: answer.text,
    });
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    let over = false;
    const run = async (): Promise<void> => {
      const closed = this.#closed ? this.#closedError() : undefined;
      const answer = closed ?? (await this.#answer(request.method, request.members));
      if (over) return;
      if (answer instanceof UpstreamError) sink.fail(answer);
      else if (answer.kind === 'result') sink.result(answer.text, 'modern');
      else sink.error(answer.text, 'modern');
    };
    run().catch((error: unknown) => {
      if (!over) sink.fail(this.#error('BAD_RESPONSE', String(error)));
    });
    return {
      // What has begun is finished: a write that is half done would be worse than one nobody waits for.
      cancel: () => {
        over = true;
      },
      pause: () => undefined,
      resume: () => undefined,
    };
  }

  async setInterest(interest: Interest): Promise<void> {
    if (interest.resources.size > 0) throw this.#error('RPC_ERROR', 'there are no resources');
    await Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.resolve();
  }

  async #answer(method: string, members: readonly RawMember[]): Promise<Answer> {
    if (method === 'ping') return { kind: 'result', text: resultText({}) };
    const list = LIST_BY_METHOD.get(method);
    if (list !== undefined) {
      const items = list === 'tools' ? await this.#server.list() : [];
      const hint = { ttlMs: LIST_TTL_MS, cacheScope: 'public' };
      return { kind: 'result', text: resultText({ [list]: items, ...hint }) };
    }
    if (method !== 'tools/call') {
      const text = errorObject(RPC.methodNotFound, `${method} is not supported here`);
      return { kind: 'error', text };
    }
    const name = memberOf(members, 'name');
    const result = await this.#server.call(String(name), memberOf(members, 'arguments'));
    if (result !== undefined) return { kind: 'result', text: resultText(result) };
    const text = errorObject(RPC.invalidParams, `Unknown tool: ${String(name)}`);
    return { kind: 'error', text };
  }

  #closedError(): UpstreamError {
    return this.#error('CLOSED', 'the connector was closed');
  }

  #error(code: UpstreamError['code'], message: string): UpstreamError {
    const { connectorId, phase } = this;
    return new UpstreamError(code, message, { connectorId, phase });
  }
}

/** Tools of this process behind the same seam as any server: no wire, no process, nothing that can be lost. */
export function createInProcessUpstream(connectorId: string, server: InProcessServer): Upstream {
  return new InProcessUpstream(connectorId, server);
}
