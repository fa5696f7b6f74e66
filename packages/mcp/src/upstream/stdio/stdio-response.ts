import { parseMessage } from '../../protocol/json-rpc.ts';
import type { RawJson } from '../../protocol/json-bytes.ts';
import type { JsonRpcId } from '../../protocol/message.ts';
import { takeApart } from '../streamable-http/large-result.ts';

/** The answer to a request of ours; raw JSON. */
export interface StdioResponse {
  readonly id: JsonRpcId;
  readonly result: RawJson | undefined;
  readonly errorText?: string | undefined;
}

/**
 * A large message as a response whose result stays the bytes it came in, read as strictly as `parseMessage` reads it; undefined for whatever else it may be, which is
 * then to be read as text.
 * @param pieces one line as UTF-8, in pieces.
 */
export function largeResponse(pieces: readonly Buffer[]): StdioResponse | undefined {
  const taken = takeApart(pieces);
  if (taken === undefined) return undefined;
  try {
    const message = parseMessage(taken.envelope);
    const isIts = message.kind === 'response' && message.resultText === '{}';
    return isIts ? { id: message.id, result: taken.result } : undefined;
  } catch {
    // What is wrong with it is said when it is read as text.
    return undefined;
  }
}
