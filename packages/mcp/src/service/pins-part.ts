import { join } from 'node:path';
import { watchConfig, type ConfigWatcher } from '../config/watch-config.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import { DEFAULT_MANIFEST_LIMITS, type Manifest } from '../connectors/manifest.ts';
import { readItem, type ManifestItem } from '../connectors/manifest-item.ts';
import { createPace, runInSlices } from '../protocol/pace.ts';
import type { ServedManifest } from '../connectors/entry/served-manifest.ts';
import { createPinMetrics } from '../observability/pin-instruments.ts';
import { quarantinedTools, strippedManifest } from '../pins/listed-tools.ts';
import { createPinAlerts, type PinAlerts } from '../pins/pin-alerts.ts';
import { observe, type PinBook, type Sighting, type SightingPolicy } from '../pins/pin-book.ts';
import type { PinMode } from '../pins/pin-mode.ts';
import { PinStore } from '../pins/pin-store.ts';
import { serverIdentity } from '../pins/server-identity.ts';
import { createTextFlags, type TextFlags } from '../pins/text-flags.ts';
import type { PinsOptions, PinsPart, PinsParts } from './pins-options.ts';

/** How soon an approval is seen on file systems that report nothing. */
const POLL_MS = 2_000;
/** Connectors that come up together are looked at together. */
const REST_MS = 100;

function readListed(kind: keyof Manifest['lists'], text: string): ManifestItem | undefined {
  const reading = readItem(text, kind, DEFAULT_MANIFEST_LIMITS.maxDepth);
  return reading.kind === 'item' ? reading.item : undefined;
}

class ServicePins implements PinsPart {
  readonly #options: PinsOptions;
  readonly #parts: PinsParts;
  readonly #store: PinStore;
  readonly #alerts: PinAlerts;
  readonly #texts: TextFlags;
  /** What was looked at last, by connector. */
  readonly #looked = new Map<string, Manifest>();
  /** What was made of it for lists. */
  readonly #made = new WeakMap<
    Manifest,
    { readonly revision: number; readonly manifest: Manifest }
  >();
  #definitions: ReadonlyMap<string, ConnectorDefinition> = new Map();
  #revision = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #watcher: ConfigWatcher | undefined;
  #unsubscribe: (() => void) | undefined;

  constructor(options: PinsOptions, parts: PinsParts) {
    this.#options = options;
    this.#parts = parts;
    this.#store = new PinStore(join(options.stateFolder, 'pins.json'));
    const { logger, event } = parts;
    this.#alerts = createPinAlerts({ logger, event });
    this.#texts = createTextFlags({ logger, event, separator: parts.separator });
    const configured = (id: string): boolean => this.#definition(id) !== undefined;
    createPinMetrics(parts.instruments.registry, {
      changes: () => this.#alerts.counts().filter(({ connector }) => configured(connector)),
      pending: () => this.#alerts.pending().filter(({ connector }) => configured(connector)),
      oddTexts: () => this.#texts.counts().filter(({ connector }) => configured(connector)),
    });
  }

  async prepare(): Promise<void> {
    if (await this.#store.load()) this.#loaded();
  }

  start(): void {
    this.#unsubscribe = this.#parts.manager.onChange(() => this.#soon());
    const look = async (): Promise<void> => await this.prepare();
    this.#watcher = watchConfig(this.#store.path, look, { pollMs: POLL_MS });
    this.#soon();
  }

  *listed(served: readonly ServedManifest[]): Generator<void, readonly ServedManifest[], void> {
    const listed: ServedManifest[] = [];
    this.#refresh();
    for (const one of served) {
      const quarantined = this.#modeOf(one.connectorId) === 'quarantine';
      const stripped = this.#options.oddText === 'strip';
      if (!quarantined && !stripped) listed.push(one);
      else listed.push({ ...one, manifest: yield* this.#make(one, quarantined) });
    }
    return listed;
  }

  status(): Readonly<Record<string, unknown>> {
    const { mode, firstUse, oddText } = this.#options;
    const { book, state, path } = this.#store;
    return {
      pins: {
        mode,
        firstUse,
        file: path,
        ...state,
        state: state.kind,
        kind: undefined,
        ...(book.lost !== undefined && { nothingTrustedSince: book.lost }),
        ...this.#alerts.status(),
      },
      texts: { mode: oddText, ...this.#texts.status() },
    };
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unsubscribe?.();
    this.#watcher?.close();
    await this.#looking;
    // First sight that lists went by must count as such after a restart.
    if (this.#store.dirty) await this.#save([]);
  }

  #definition(id: string): ConnectorDefinition | undefined {
    return this.#definitions.get(id);
  }

  /** Takes up which connectors there are. */
  #refresh(): void {
    this.#definitions = new Map(this.#parts.definitions().map((one) => [one.id, one]));
  }

  #modeOf(connectorId: string): PinMode {
    const definition = this.#definition(connectorId);
    if (definition === undefined || definition.transport?.kind === 'in-process') return 'off';
    return definition.pins ?? this.#options.mode;
  }

  /** The book is another one: what was made by the last is out of date. */
  #loaded(): void {
    const { state, path } = this.#store;
    if (state.kind !== 'ok') {
      this.#parts.logger.error(
        { path, ...state },
        'the approved tool definitions are lost or cannot be read: nothing is trusted until it is approved again',
      );
    }
    this.#revision += 1;
    this.#looked.clear();
    if (this.#unsubscribe !== undefined) this.#soon();
    const matters = [...this.#definitions.keys()].some((id) => this.#modeOf(id) === 'quarantine');
    if (matters) this.#parts.changed();
  }

  #policy(definition: ConnectorDefinition | undefined): SightingPolicy {
    const trustFirst = this.#options.firstUse === 'approve';
    return {
      trustFirst,
      // Whoever writes the configuration file may put another server there; a map from elsewhere may not.
      trustServer: trustFirst && definition?.origin === 'local',
      now: new Date().toISOString(),
    };
  }

  *#sighting({ connectorId, manifest }: ServedManifest): Generator<void, Sighting, void> {
    const tools: Sighting['tools'][number][] = [];
    for (const item of manifest.lists.tools) {
      tools.push({ name: item.id, text: item.text, hash: this.#parts.hashOf(item) });
      yield;
    }
    const definition = this.#definition(connectorId);
    const server = definition === undefined ? '' : serverIdentity(definition);
    return { connectorId, server, tools };
  }

  *#make(served: ServedManifest, quarantined: boolean): Generator<void, Manifest, void> {
    const { manifest, connectorId } = served;
    // The book may be another one before this is through.
    const revision = this.#revision;
    const known = this.#made.get(manifest);
    if (known?.revision === revision) return known.manifest;
    let made = manifest;
    if (quarantined) {
      const sighting = yield* this.#sighting(served);
      const policy = this.#policy(this.#definition(connectorId));
      this.#store.note((book) => observe(book, sighting, policy));
      const pins = this.#store.book.connectors.get(connectorId);
      const { hashOf } = this.#parts;
      const readTool = (text: string): ManifestItem | undefined => readListed('tools', text);
      const tools = quarantinedTools(manifest.lists.tools, pins, { hashOf, readTool });
      const same = tools.every((item, index) => item === manifest.lists.tools[index]);
      const whole = same && tools.length === manifest.lists.tools.length;
      if (!whole) made = { ...manifest, lists: { ...manifest.lists, tools } };
    }
    if (this.#options.oddText === 'strip') made = yield* strippedManifest(made, readListed);
    this.#made.set(manifest, { revision, manifest: made });
    return made;
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#looking = this.#looking.then(async () => await this.#look());
    }, REST_MS).unref();
  }

  /** Looks at what has changed since the last time. Never rejects. */
  async #look(): Promise<void> {
    try {
      this.#refresh();
      for (const id of this.#looked.keys()) {
        if (this.#definitions.has(id)) continue;
        this.#looked.delete(id);
        this.#alerts.forget(id);
      }
      const served = this.#parts.manager.served();
      const news = served.filter(
        ({ connectorId, manifest }) => this.#looked.get(connectorId) !== manifest,
      );
      for (const { connectorId, manifest } of news) this.#looked.set(connectorId, manifest);
      await this.#lookAtDefinitions(
        news.filter(({ connectorId }) => this.#modeOf(connectorId) !== 'off'),
      );
      await this.#texts.review(served, news);
    } catch (error) {
      this.#parts.logger.error(
        { err: error },
        'what servers offer could not be compared with the pins',
      );
    }
  }

  async #lookAtDefinitions(news: readonly ServedManifest[]): Promise<void> {
    if (news.length === 0) return;
    if (await this.#store.load()) this.#loaded();
    const pace = createPace();
    const sightings: Sighting[] = [];
    for (const one of news) {
      sightings.push(await runInSlices(this.#sighting(one)));
      await pace();
    }
    await this.#save(sightings);
    for (const { connectorId } of sightings) {
      this.#alerts.look(connectorId, this.#store.book.connectors.get(connectorId));
    }
  }

  async #save(sightings: readonly Sighting[]): Promise<void> {
    const note = (book: PinBook): boolean => {
      let changed = false;
      for (const sighting of sightings) {
        const policy = this.#policy(this.#definition(sighting.connectorId));
        changed = observe(book, sighting, policy) || changed;
      }
      return changed;
    };
    try {
      await this.#store.change(note);
    } catch (error) {
      // What is known in memory still holds.
      this.#store.note(note);
      const about = { err: error, path: this.#store.path };
      this.#parts.logger.error(about, 'the pins could not be kept');
    }
  }
}

/** Builds the pins of a service. Reads nothing before `prepare` or `start`. */
export function createPinsPart(options: PinsOptions, parts: PinsParts): PinsPart {
  return new ServicePins(options, parts);
}
