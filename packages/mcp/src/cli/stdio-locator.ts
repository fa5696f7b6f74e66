import { setTimeout as delay } from 'node:timers/promises';
import { rm } from 'node:fs/promises';
import type { LoadedConfig } from '../config/config.ts';
import { CommandError } from '../protocol/command-error.ts';
import type { BridgeTarget, HttpBridgeTarget, Service } from '../service/service.ts';
import { meetingPlace, takeOwnership, type MeetingPlace, type Ownership } from './stdio-owner.ts';
import type { ServiceCredential } from './service-credential.ts';
import { identify, openTarget, type ServicePlace, type StdioTarget } from './stdio-target.ts';

export interface StdioLocatorOptions {
  readonly config: Pick<LoadedConfig, 'configPath' | 'settings' | 'stateFolder'>;
  /** Path of the endpoint, e.g. `/mcp`. */
  readonly path: string;
  /** Starts a service of our own on that socket. */
  readonly startService: (socketPath: string) => Promise<Pick<Service, 'close'>>;
  /** What a service is shown. Default: nothing. */
  readonly credential?: ServiceCredential;
  /** One line for the user. */
  readonly say: (line: string) => void;
}

/** Finds the service of a configuration, or becomes it. */
export interface StdioLocator {
  /**
   * The running service; else that of another desktop client; else one of our own, which others then share.
   * @throws Error when none of them can be had.
   */
  locate(lost: BridgeTarget | undefined): Promise<HttpBridgeTarget>;
  /** Ends what was opened, and the service of our own. */
  close(): Promise<void>;
}

/** A service that went away may be restarting: so long it is waited for before one of our own is started. */
const RESTART_MS = 3_000;
/** Another process is starting its service: so long it may take. */
const STARTING_MS = 15_000;
const POLL_MS = 100;
/**
 * How long a service that was named by its address may send nothing while a request waits: it may have no deadlines.
 * Longer than a call of ours may take without an answer (contract.md, call deadline), so that ours speak first.
 */
const SILENCE: NonNullable<HttpBridgeTarget['silence']> = { quickMs: 60_000, callMs: 660_000 };

class ServiceLocator implements StdioLocator {
  readonly #options: StdioLocatorOptions;
  readonly #opened = new Set<StdioTarget>();
  readonly #said = new Set<string>();
  #running: HttpBridgeTarget | undefined;
  #own: { readonly service: Pick<Service, 'close'>; readonly ownership: Ownership } | undefined;
  #place: MeetingPlace | undefined;
  #becoming: Promise<unknown> | undefined;
  #closed = false;

  constructor(options: StdioLocatorOptions) {
    this.#options = options;
  }

  async locate(lost: BridgeTarget | undefined): Promise<HttpBridgeTarget> {
    const { config } = this.#options;
    this.#place ??= await meetingPlace(config.stateFolder.value, config.configPath);
    const place = this.#place;
    const startedAtMs = performance.now();
    const patienceMs = lost !== undefined && lost === this.#running ? RESTART_MS : 0;
    while (!this.#closed) {
      const found = (await this.#findRunning()) ?? (await this.#findShared(place));
      if (found !== undefined) return found;
      const waitedMs = performance.now() - startedAtMs;
      if (waitedMs >= patienceMs && !this.#closed) {
        const becoming = this.#becomeService(place);
        this.#becoming = becoming;
        const own = await becoming;
        if (own !== undefined) return own;
      }
      if (waitedMs > STARTING_MS) {
        throw new CommandError(
          'UNAVAILABLE',
          'another process of this configuration is starting and does not answer',
        );
      }
      await delay(POLL_MS);
    }
    throw new CommandError('UNAVAILABLE', 'it is being closed');
  }

  async close(): Promise<void> {
    this.#closed = true;
    // A service that is being started would be left running.
    await Promise.allSettled([this.#becoming]);
    await Promise.all(Array.from(this.#opened, async (target) => await target.close()));
    await this.#own?.service.close();
    await this.#own?.ownership.release();
  }

  async #findRunning(): Promise<HttpBridgeTarget | undefined> {
    const { settings } = this.#options.config;
    const { port, host } = settings;
    if (port.value === 0) return undefined;
    const name = reachableName(host.value);
    const found = await this.#probe({ origin: `http://${name}:${port.value}` });
    this.#running = found ?? this.#running;
    return found;
  }

  async #findShared({ socketPath }: MeetingPlace): Promise<HttpBridgeTarget | undefined> {
    return await this.#probe({ origin: 'http://localhost', socketPath });
  }

  /** The way to that place when it is our service that answers there. */
  async #probe(place: ServicePlace): Promise<HttpBridgeTarget | undefined> {
    const { config, path, credential } = this.#options;
    const target = openTarget(place, path, credential);
    this.#opened.add(target);
    const identity = await identify(target);
    const isOurs =
      identity?.configPath === config.configPath &&
      identity.stateFolder === config.stateFolder.value;
    if (isOurs) return target;
    this.#opened.delete(target);
    await target.close();
    if (identity !== undefined)
      this.#say(`the service at ${place.origin} has another configuration`);
    return undefined;
  }

  async #becomeService(place: MeetingPlace): Promise<HttpBridgeTarget | undefined> {
    if (this.#own !== undefined)
      throw new CommandError('UNAVAILABLE', 'the service of this process has stopped');
    const ownership = await takeOwnership(place);
    if (ownership === undefined) return undefined;
    try {
      // What a process that was killed left behind; nobody else listens while we have the lock.
      if (process.platform !== 'win32') await rm(place.socketPath, { force: true });
      const service = await this.#options.startService(place.socketPath);
      this.#own = { service, ownership };
    } catch (error) {
      await ownership.release();
      throw error;
    }
    const { path, credential } = this.#options;
    const target = openTarget({ origin: 'http://localhost', ...place }, path, credential);
    this.#opened.add(target);
    return target;
  }

  /** Once for each thing there is to say. */
  #say(line: string): void {
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.#options.say(line);
  }
}

/** The name by which this machine reaches a service that listens on `host`. */
function reachableName(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** Looks for nothing before `locate`. */
export function createStdioLocator(options: StdioLocatorOptions): StdioLocator {
  return new ServiceLocator(options);
}

/** A service at an address that was given: nothing is looked for, and nothing is started. */
export function createFixedLocator(
  url: URL,
  path: string,
  credential?: ServiceCredential,
): StdioLocator {
  const opened = openTarget({ origin: url.origin }, path, credential);
  const target = { ...opened, silence: SILENCE };
  return {
    locate: async () => await Promise.resolve(target),
    close: async () => await target.close(),
  };
}
