import type { ProbeCall } from '../proof/baseline-probe.ts';
import { createServiceCredential } from './service-credential.ts';
import type { CliIo } from './cli-io.ts';
import { openTarget } from './stdio-target.ts';

/** Calls one tool of a running service as a client of it would. */
export interface ProbeTarget {
  readonly call: ProbeCall;
  close(): Promise<void>;
}

const REVISION = '2026-07-28';
const MAX_ANSWER_BYTES = 10 * 1_048_576;
const CALL_MS = 60_000;
const META = {
  'io.modelcontextprotocol/protocolVersion': REVISION,
  'io.modelcontextprotocol/clientInfo': { name: 'cortex-mcp-probe', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** The message of an answer: the body, or the last event of a stream. */
function messageOf(text: string, isStream: boolean): unknown {
  if (!isStream) return JSON.parse(text);
  const data = text.split('\n').findLast((line) => line.startsWith('data:'));
  return JSON.parse(data?.slice('data:'.length) ?? 'null');
}

function isGood(message: unknown): boolean {
  const { result }: { result?: unknown } = Object(message);
  return typeof result === 'object' && result !== null && Object(result).isError !== true;
}

/**
 * @param endpoint e.g. `http://127.0.0.1:3024/mcp`.
 * @param argumentsJson an object, as JSON.
 */
export function openProbe(
  io: Pick<CliIo, 'env'>,
  endpoint: URL,
  request: { readonly tool: string; readonly argumentsJson: string; readonly stateFolder: string },
): ProbeTarget {
  const { tool, argumentsJson, stateFolder } = request;
  const credential = createServiceCredential(io.env, stateFolder);
  const { origin, pathname } = endpoint;
  const target = openTarget({ origin }, pathname, credential);
  const params = `{"name":${JSON.stringify(tool)},"arguments":${argumentsJson},"_meta":${JSON.stringify(META)}}`;
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': REVISION,
    'mcp-method': 'tools/call',
    'mcp-name': tool,
  };
  let id = 0;
  const call: ProbeCall = async (signal) => {
    id += 1;
    try {
      const {
        statusCode,
        headers: answered,
        body,
      } = await target.dispatcher.request({
        origin,
        path: pathname,
        method: 'POST',
        headers,
        body: `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`,
        signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]),
      });
      let text = '';
      for await (const chunk of body) {
        text += String(chunk);
        if (text.length > MAX_ANSWER_BYTES) return false;
      }
      const isStream = String(answered['content-type']).startsWith('text/event-stream');
      return statusCode === 200 && isGood(messageOf(text, isStream));
    } catch {
      return false; // not reached, cut, too slow, or no JSON: a call that failed
    }
  };
  return { call, close: async () => await target.close() };
}
