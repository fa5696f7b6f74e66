import { containerScan } from '../../protocol/container-scan.ts';
import { JsonBytes } from '../../protocol/json-bytes.ts';
import { outerObject } from '../../protocol/outer-members.ts';
import { plainResult } from './plain-result.ts';

/** From how many bytes on a message is passed on as the bytes it came in: below, text is faster. */
export const LARGE_BYTES = 65_536;

/** What may stand before a result or after it, in bytes: its id and its version. */
const MAX_AROUND_BYTES = 4_096;
/** Deeper results are read the slower way. */
const MAX_DEPTH = 1_000;

/** How a message begins whose result is an object, up to the brace of that. */
const BEFORE_RESULT = /^\s*\{\s*(?:"(?:jsonrpc|id)"\s*:[^,{}[\]]*,\s*)*"result"\s*:\s*(?=\{)/;

/** The first bytes of a text in pieces, one character each. */
function startOf(pieces: readonly Buffer[]): string {
  let text = '';
  for (const piece of pieces) {
    text += piece.toString('latin1', 0, MAX_AROUND_BYTES - text.length);
    if (text.length >= MAX_AROUND_BYTES) break;
  }
  return text;
}

/** What follows a place of a text in pieces, one character each; undefined when that is much. */
function restOf(pieces: readonly Buffer[], from: number, length: number): string | undefined {
  if (length - from > MAX_AROUND_BYTES) return undefined;
  return JsonBytes.within(pieces, from, length)
    .pieces.map((piece) => piece.toString('latin1'))
    .join('');
}

/** A large message taken apart. */
export interface LargeMessage {
  /** All but its result, in place of which `{}` stands. Nobody has judged it. */
  readonly envelope: string;
  /** JSON; of this message only if the envelope is one that has `{}` for its result. */
  readonly result: JsonBytes;
}

/**
 * Takes the result out of a message that nearly certainly has a large one. Where it begins is guessed and where it ends looked
 * for; the envelope then tells whether both are right.
 * @param pieces the message as UTF-8, in pieces.
 */
export function takeApart(pieces: readonly Buffer[]): LargeMessage | undefined {
  const before = BEFORE_RESULT.exec(startOf(pieces))?.[0];
  if (before === undefined) return undefined;
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const start = before.length;
  const object = outerObject(pieces, start);
  const end = object?.end ?? containerScan(pieces)?.after(start, MAX_DEPTH) ?? -1;
  const after = end === -1 ? undefined : restOf(pieces, end, length);
  if (after === undefined) return undefined;
  const result =
    object === undefined
      ? JsonBytes.within(pieces, start, end)
      : JsonBytes.ofObject(pieces, start, object);
  return { envelope: `${before}{}${after}`, result };
}

/**
 * As `plainResult` of a large message, as strict, and nothing of the result is made text.
 * @param pieces the message as UTF-8, in pieces.
 * @param idText raw JSON of plain ASCII
 */
export function largeResult(pieces: readonly Buffer[], idText: string): JsonBytes | undefined {
  const message = takeApart(pieces);
  return message && plainResult(message.envelope, idText) === '{}' ? message.result : undefined;
}
