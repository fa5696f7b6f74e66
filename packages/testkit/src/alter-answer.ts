import type { AnyOddForm } from './fault.ts';

const ALTERED: Readonly<Record<AnyOddForm, (answer: string) => string>> = {
  'invalid-json': (answer) => answer.slice(0, -2),
  html: () => '<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>',
  bom: (answer) => `\uFEFF${answer}`,
  batch: (answer) => `[${answer}]`,
  'duplicate-keys': (answer) => `${answer.slice(0, -1)},"id":"other","result":{"content":[]}}`,
};

/** Bends one JSON-RPC answer so that a strict reader must refuse it. The HTML form ignores the answer. */
export function alterAnswer(form: AnyOddForm, answer: string): string {
  return ALTERED[form](answer);
}

/** The pieces of a well-formed answer around `bytes` bytes of text. */
function oversizeFrame(id: unknown): { readonly head: string; readonly tail: string } {
  const frame = {
    jsonrpc: '2.0',
    id: id ?? null,
    result: { content: [{ type: 'text', text: '' }] },
  };
  const json = JSON.stringify(frame);
  const at = json.lastIndexOf('""') + 1;
  return { head: json.slice(0, at), tail: json.slice(at) };
}

const SLICE = Buffer.alloc(64 * 1024, 'x');

/** An oversized answer in slices of at most 64 KiB. */
export function* oversizeAnswer(id: unknown, bytes: number): Generator<Buffer> {
  const { head, tail } = oversizeFrame(id);
  yield Buffer.from(head);
  for (let left = bytes; left > 0; left -= SLICE.length)
    yield SLICE.subarray(0, Math.min(left, SLICE.length));
  yield Buffer.from(tail);
}
