import type { ServerResponse } from 'node:http';
import { connector } from './gateway-fixture.ts';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import { json, modernAnswer, startWire, type Seen, type Wire } from '../upstream/http-fixture.ts';

/** Answers a call; `path` is that of the server it is for. */
export type AnswerCall = (path: string, seen: Seen, response: ServerResponse) => void;

export interface PathServer extends AsyncDisposable {
  readonly wire: Wire;
  /** The connector of one path. */
  connector(id: string, more?: Partial<ConnectorDefinition>): ConnectorDefinition;
  /** Calls that a path got. */
  hits(path: string): number;
}

const ENVELOPE = { resultType: 'complete', ttlMs: 3_600_000, cacheScope: 'public' };
const TOOL = { name: 'echo', inputSchema: { type: 'object' } };

/** Answers as `echo` does. */
export function answerCall({ message }: Seen, response: ServerResponse): void {
  const result = { content: [{ type: 'text', text: 'm' }], ...ENVELOPE };
  json(response, { jsonrpc: '2.0', id: message['id'], result });
}

/** Many modern servers behind one origin, each under a path of its own. */
export async function startPathServer(answer: AnswerCall): Promise<PathServer> {
  const hits = new Map<string, number>();
  const wire = await startWire(
    modernAnswer((seen, response) => {
      const { method, id } = seen.message;
      if (method === 'tools/list') {
        json(response, { jsonrpc: '2.0', id, result: { tools: [TOOL], ...ENVELOPE } });
      } else if (method === 'tools/call') {
        hits.set(seen.url, (hits.get(seen.url) ?? 0) + 1);
        answer(seen.url, seen, response);
      } else {
        response.writeHead(404).end();
      }
    }),
  );
  const { origin } = new URL(wire.url);
  return {
    wire,
    connector: (id, more) =>
      connector(
        id,
        { kind: 'http', url: `${origin}/${id}`, headers: {} },
        { era: 'modern', ...more },
      ),
    hits: (path) => hits.get(path) ?? 0,
    [Symbol.asyncDispose]: async () => await wire[Symbol.asyncDispose](),
  };
}
