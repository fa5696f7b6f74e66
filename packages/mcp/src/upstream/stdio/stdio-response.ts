import type { RawJson } from '../../protocol/json-bytes.ts';
import type { JsonRpcId } from '../../protocol/message.ts';
import { takeApart } from '../streamable-http/large-result.ts';
import { numberedResponse } from '../streamable-http/plain-result.ts';

/** The answer to a request of ours; raw JSON. */
export interface StdioResponse {
  readonly id: JsonRpcId;
  readonly result: RawJson | undefined;
  readonly errorText?: string | undefined;
}

/**
 * As `numberedResponse`, of a large message whose result stays the bytes it came in; undefined for whatever else it may be,
 * which is then to be read as text.
 * @param pieces one line as UTF-8, in pieces.
 */
export function largeResponse(pieces: readonly Buffer[]): StdioResponse | undefined {
  const taken = takeApart(pieces);
  const response = taken && numberedResponse(taken.envelope);
  return response?.result === '{}' ? { id: response.id, result: taken?.result } : undefined;
}
