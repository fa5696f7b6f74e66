import { createHash } from 'node:crypto';
import { LIST_KINDS, type ListKind } from '../protocol/list-kind.ts';
import { sharedPace } from '../protocol/pace.ts';

/** What of a manifest its digest is of. */
interface DigestedManifest {
  /** As JSON: what its server said of itself, and for whom its answers are. */
  readonly head: readonly [info: object, cacheScope: string];
  /** The raw JSON of each item. */
  readonly texts: Readonly<Record<ListKind, readonly string[]>>;
}

/** Names all that a client could see of a manifest. Gives way between items. */
export async function manifestDigest({ head, texts }: DigestedManifest): Promise<string> {
  const digest = createHash('sha256').update(JSON.stringify(head));
  for (const kind of LIST_KINDS) {
    digest.update(`\n${kind}`);
    for (const text of texts[kind]) {
      await sharedPace();
      digest.update('\n').update(text);
    }
  }
  return digest.digest('base64url');
}

/** The same, without giving way. */
export function manifestDigestAtOnce({ head, texts }: DigestedManifest): string {
  const digest = createHash('sha256').update(JSON.stringify(head));
  for (const kind of LIST_KINDS) {
    digest.update(`\n${kind}`);
    for (const text of texts[kind]) digest.update('\n').update(text);
  }
  return digest.digest('base64url');
}
