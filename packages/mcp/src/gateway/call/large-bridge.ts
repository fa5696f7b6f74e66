import { JsonBytes } from '../../protocol/json-bytes.ts';
import { findMember, type Span } from '../../protocol/json-scan.ts';
import { mustWrap } from '../../protocol/legacy-tool.ts';

/** Members up to this size are copied into one piece with what is around them. */
const COPIED_BYTES = 1_024;

/** Puts together a large value of texts and of parts of others. */
class Pieces {
  readonly #pieces: Buffer[] = [];
  #text = '';

  add(text: string): this {
    this.#text += text;
    return this;
  }

  addPart(json: JsonBytes, { start, end }: Span): this {
    if (end - start <= COPIED_BYTES) return this.add(json.text(start, end));
    this.#flush();
    this.#pieces.push(...json.cut(start, end));
    return this;
  }

  done(): JsonBytes {
    this.#flush();
    return new JsonBytes(this.#pieces);
  }

  #flush(): void {
    if (this.#text !== '') this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }
}

/** What becomes of a member in the other era. */
export interface MemberRules {
  /** Members left out. */
  readonly drops: ReadonlySet<string>;
  /** Whether the value of `structuredContent` is put under `result`; undefined: never. */
  readonly wrapsOutput: boolean | undefined;
}

/** A large result by those rules, of which nothing large is copied; the same object where none applies. */
export function rebuilt(
  json: JsonBytes,
  members: readonly Span[],
  { drops, wrapsOutput }: MemberRules,
): JsonBytes {
  const kept = members.filter(({ key }) => !drops.has(key));
  const output = wrapsOutput === undefined ? undefined : findMember(kept, 'structuredContent');
  const wrapped =
    output && mustWrap(json.text(output.start, output.start + 1), wrapsOutput) ? output : undefined;
  if (kept.length === members.length && wrapped === undefined) return json;
  const pieces = new Pieces();
  for (const [index, member] of kept.entries()) {
    pieces.add(`${index === 0 ? '{' : ','}${JSON.stringify(member.key)}:`);
    if (member === wrapped) pieces.add('{"result":').addPart(json, member).add('}');
    else pieces.addPart(json, member);
  }
  return pieces.add(kept.length === 0 ? '{}' : '}').done();
}
