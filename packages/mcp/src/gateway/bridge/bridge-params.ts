import { headersFor, readHeaderParams, type HeaderParam } from '../../protocol/param-header.ts';
import { arrayElements, findMember, objectMembers } from '../../protocol/json-scan.ts';

/** Tools whose annotations are remembered. */
const MAX_TOOLS = 1_000;

/**
 * The `Mcp-Param-*` headers of modern calls (spec 2026-07-28, basic/transports). A pipe carries none, so they are made
 * from the arguments, once the service has said by -32020 that it wants some.
 */
export class BridgeParams {
  readonly #tools = new Map<string, readonly HeaderParam[]>();

  headers(tool: unknown, args: unknown): Readonly<Record<string, string>> {
    const params = typeof tool === 'string' ? this.#tools.get(tool) : undefined;
    return params === undefined ? {} : headersFor(params, args);
  }

  /** Forgets a tool whose headers were not right. */
  forget(tool: unknown): void {
    if (typeof tool === 'string') this.#tools.delete(tool);
  }

  /** Takes the annotations from one page of `tools/list`. @returns the cursor of the next one. */
  learn(answerText: string): string | undefined {
    const result = findMember(objectMembers(answerText), 'result');
    const tools = result && findMember(objectMembers(answerText, result.start), 'tools');
    if (tools === undefined) return undefined;
    const list = answerText.slice(tools.start, tools.end);
    for (const { start, end } of arrayElements(list)) {
      const text = list.slice(start, end);
      const reading = readHeaderParams(text);
      if (reading.kind !== 'valid' || reading.params.length === 0) continue;
      const name: unknown = Object(JSON.parse(text)).name;
      if (typeof name === 'string' && this.#tools.size < MAX_TOOLS) {
        this.#tools.set(name, reading.params);
      }
    }
    const cursor: unknown = Object(JSON.parse(answerText).result).nextCursor;
    return typeof cursor === 'string' ? cursor : undefined;
  }
}
