import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ServedManifest } from '../connectors/entry/served-manifest.ts';
import type { AlertPorts, ConnectorCount } from './pin-alerts.ts';
import { runInSlices } from '../protocol/pace.ts';
import { crossMentions, reviewTexts, type TextFlag, type TextReview } from './text-review.ts';

export interface TextFlagsOptions extends AlertPorts {
  /** Between connector id and name on the shared endpoint. */
  readonly separator: string;
}

/** What is odd about the texts of all connectors. */
export interface TextFlags {
  /** Looks at `news`, and at which names of `served` they speak of. */
  review(served: readonly ServedManifest[], news: readonly ServedManifest[]): Promise<void>;
  counts(): readonly ConnectorCount[];
  /** Bounded. */
  status(): object;
}

/** Flags named in one line, and in a status. */
const MAX_NAMED = 5;
const MAX_SHOWN = 50;
interface Reviewed {
  readonly review: TextReview;
  /** With what speaks of other connectors' tools. */
  readonly flags: readonly TextFlag[];
  /** The flags that were told, as text. */
  readonly told: string;
}

class AllTextFlags implements TextFlags {
  readonly #options: TextFlagsOptions;
  readonly #reviewed = new Map<string, Reviewed>();

  constructor(options: TextFlagsOptions) {
    this.#options = options;
  }

  async review(served: readonly ServedManifest[], news: readonly ServedManifest[]): Promise<void> {
    const ids = new Set(served.map(({ connectorId }) => connectorId));
    let changed = news.length > 0;
    for (const id of this.#reviewed.keys()) {
      if (!ids.has(id)) changed = this.#reviewed.delete(id);
    }
    if (!changed) return;
    for (const { connectorId, manifest } of news) {
      const review = await runInSlices(reviewTexts(manifest.lists, manifest.info.instructions));
      const told = this.#reviewed.get(connectorId)?.told ?? '';
      this.#reviewed.set(connectorId, { review, flags: review.flags, told });
    }
    await this.#findMentions(served);
  }

  counts(): readonly ConnectorCount[] {
    return [...this.#reviewed].map(([connector, { flags, review }]) => ({
      connector,
      count: flags.length + review.more,
    }));
  }

  status(): object {
    const all = [...this.#reviewed].flatMap(([connector, { flags }]) =>
      flags.map((flag) => ({ connector, ...flag })),
    );
    const left = [...this.#reviewed.values()].reduce((sum, { review }) => sum + review.more, 0);
    const more = Math.max(0, all.length - MAX_SHOWN) + left;
    return { flags: all.slice(0, MAX_SHOWN), ...(more > 0 && { more }) };
  }

  async #findMentions(served: readonly ServedManifest[]): Promise<void> {
    const owners = await runInSlices(ownersOf(served, this.#options.separator));
    for (const [id, reviewed] of this.#reviewed) {
      const ownerOf = (word: string): string | undefined => {
        const own = owners.get(word);
        return own?.has(id) === true ? undefined : own?.values().next().value;
      };
      const mentions = crossMentions(id, reviewed.review.mentions, ownerOf);
      this.#tell(id, { ...reviewed, flags: [...reviewed.review.flags, ...mentions] });
      await nextTurn();
    }
  }

  /** Says once what is odd about a connector's texts, and again when that has changed. */
  #tell(connector: string, reviewed: Reviewed): void {
    const { flags, review } = reviewed;
    const told = flags
      .map(({ list, name, where, odd }) => `${list} ${name} ${where} ${odd.join()}`)
      .join('\n');
    this.#reviewed.set(connector, { ...reviewed, told });
    if (told === reviewed.told || flags.length === 0) return;
    const more = flags.length - MAX_NAMED + review.more;
    const about = { connector, flags: flags.slice(0, MAX_NAMED), ...(more > 0 && { more }) };
    this.#options.logger.warn(about, 'texts of this server are odd; they may mean to mislead');
    const [first] = flags;
    const detail = `${flags.length + review.more} flags, first: ${first?.odd.join()} in ${first?.where} of ${JSON.stringify(first?.name)}`;
    this.#options.event('odd-text', { connector, detail });
  }
}

/** Who offers a tool, by its own name and by that of the shared endpoint. */
function* ownersOf(
  served: readonly ServedManifest[],
  separator: string,
): Generator<void, ReadonlyMap<string, ReadonlySet<string>>, void> {
  const owners = new Map<string, Set<string>>();
  const add = (word: string, id: string): void => {
    const known = owners.get(word);
    if (known === undefined) owners.set(word, new Set([id]));
    else known.add(id);
  };
  for (const { connectorId, manifest } of served) {
    for (const { id } of manifest.lists.tools) {
      add(id, connectorId);
      add(`${connectorId}${separator}${id}`, connectorId);
    }
    yield;
  }
  return owners;
}

export function createTextFlags(options: TextFlagsOptions): TextFlags {
  return new AllTextFlags(options);
}
