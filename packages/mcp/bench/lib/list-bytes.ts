import { INITIALIZE, requestTemplate, type WireEra } from './message-bytes.ts';
import type { SubjectOptions } from './subject-protocol.ts';

interface Asked {
  readonly era: WireEra;
  readonly method: string;
  readonly params?: string;
  readonly session?: string | undefined;
}

async function ask(
  url: string,
  { era, method, params = '', session }: Asked,
): Promise<{ readonly body: string; readonly session: string | undefined }> {
  const { headers, tail } = requestTemplate({ era, method, params });
  const named = session === undefined ? headers : [...headers, `mcp-session-id: ${session}`];
  const response = await fetch(url, {
    method: 'POST',
    headers: named.map((line) => line.split(': ', 2) as [string, string]),
    body: `{"jsonrpc":"2.0","id":1000000${tail}`,
  });
  return {
    body: await response.text(),
    session: response.headers.get('mcp-session-id') ?? undefined,
  };
}

type Bytes = Extract<SubjectOptions, { kind: 'bytes' }>;

/** The very bytes that ours answers to a client, for a server that knows nothing else. */
export async function listBytes(url: string, era: WireEra): Promise<Bytes> {
  const method = 'tools/list';
  if (era === 'modern') return { kind: 'bytes', body: (await ask(url, { era, method })).body };
  const hello = await ask(url, { era, method: 'initialize', params: INITIALIZE });
  const { body } = await ask(url, { era, method, session: hello.session });
  return { kind: 'bytes', body, greeting: hello.body };
}
