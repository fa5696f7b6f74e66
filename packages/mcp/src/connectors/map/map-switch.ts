import { waitForShared } from '../cache/cache-wait.ts';
import type { MapFollower } from './map-follower.ts';
import { isDeepStrictEqual } from 'node:util';
import type { MapSourceSettings, ServiceMapSettings } from './map-settings.ts';
import type { LoadedServiceMap } from './service-map.ts';

export interface MapSwitchOptions {
  /**
   * Makes a follower; it does nothing yet.
   * @param previous the map in force when the settings of its source changed: to be verified again by the new ones.
   */
  readonly create: (
    settings: ServiceMapSettings,
    previous: LoadedServiceMap | undefined,
    onMap: () => Promise<void>,
  ) => MapFollower;
  /** The map in force has changed, or what is allowed to it. */
  readonly changed: () => Promise<void>;
}

interface Followed {
  readonly settings: ServiceMapSettings;
  readonly follower: MapFollower;
}

/** How long the map of a new source may take before the old one goes without it. In milliseconds. */
const FIRST_FETCH_MS = 5_000;

function sameSource(a: MapSourceSettings, b: MapSourceSettings): boolean {
  if (a.kind === 'file') return b.kind === 'file' && a.path === b.path;
  if (a.kind === 'inline') return b.kind === 'inline' && isDeepStrictEqual(a.map, b.map);
  return b.kind === 'url' && a.url.reveal() === b.url.reveal();
}

/**
 * Follows one service map at a time, and another when the settings change, without a gap: the old map stays in force
 * until the new settings have had a chance to bring theirs. A map of the same source is kept as long as the new keys
 * verify it. What was followed before is stopped first, so that nothing is left of it.
 */
export class MapSwitch {
  readonly #options: MapSwitchOptions;
  #current: Followed | undefined;
  /** Made, and not yet in force. */
  #next: MapFollower | undefined;
  #switching: Promise<void> = Promise.resolve();
  #started = false;
  #stopped = false;

  constructor(settings: ServiceMapSettings | undefined, options: MapSwitchOptions) {
    this.#options = options;
    this.#current = settings && this.#follow(settings, undefined);
  }

  /** Undefined when no map is followed. */
  get settings(): ServiceMapSettings | undefined {
    return this.#current?.settings;
  }

  get follower(): MapFollower | undefined {
    return this.#current?.follower;
  }

  /** Begins to follow, fetching at once. */
  start(): void {
    this.#started = true;
    this.#current?.follower.start();
  }

  /**
   * Follows another map, the same one by other settings, or none. One change at a time; resolves when this one is in
   * force and `changed` has been told.
   */
  async replace(settings: ServiceMapSettings | undefined): Promise<void> {
    const replaced = this.#switching.then(async () => await this.#replace(settings));
    this.#switching = replaced.catch(() => undefined);
    await replaced;
  }

  /** Ends all of it, a change under way too, and waits for that. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#next?.stop(), this.#current?.follower.stop()]);
    await this.#switching;
    await this.#current?.follower.stop();
  }

  #follow(settings: ServiceMapSettings, previous: LoadedServiceMap | undefined): Followed {
    const follower = this.#options.create(settings, previous, async () => {
      // Before it is in force, what it brings is told by the switch itself.
      if (this.#current?.follower === follower) await this.#options.changed();
    });
    return { settings, follower };
  }

  async #replace(settings: ServiceMapSettings | undefined): Promise<void> {
    const before = this.#current;
    // Both keep their map in the same place.
    await before?.follower.stop();
    if (this.#stopped) return;
    const after = settings && this.#follow(settings, keptBy(settings, before));
    if (after !== undefined) await this.#prepare(after.follower);
    this.#current = after;
    if (!this.#stopped) await this.#options.changed();
  }

  /** Brings the follower to the point where it has a map, or has had its chance. */
  async #prepare(follower: MapFollower): Promise<void> {
    this.#next = follower;
    await follower.restore();
    if (this.#started && !this.#stopped) {
      const fetched = follower.refresh();
      // What is kept is in force at once; a new source gets a moment, so that no list is without its connectors.
      if (follower.map === undefined) await waitForShared(fetched, { timeoutMs: FIRST_FETCH_MS });
    }
    this.#next = undefined;
  }
}

/** The map in force, when it is one of the same source. */
function keptBy(
  settings: ServiceMapSettings,
  before: Followed | undefined,
): LoadedServiceMap | undefined {
  if (before === undefined || !sameSource(before.settings.source, settings.source)) {
    return undefined;
  }
  return before.follower.map;
}
