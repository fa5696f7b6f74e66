import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { EventStreams, type EventStreamLimits } from './event-streams.ts';
import { createOverview } from './overview.ts';
import { PageAssetsError, readPageAssets, type PageAssets } from './page-assets.ts';
import type { PageFacts } from './page-facts.ts';
import { createProcessFigures } from './process-figures.ts';
import { PAGE_HEADERS, sendAsset } from './send-asset.ts';

export interface StatusPageOptions {
  readonly facts: PageFacts;
  /** The built page. Default: where the build of this package puts it. */
  readonly folder?: string | undefined;
  readonly limits?: Partial<EventStreamLimits> | undefined;
  /** Told of what is a bug of ours. */
  readonly onError: (error: unknown) => void;
}

/** The status page: its files, what it shows, and its event streams. */
export interface StatusPage {
  /** GET, HEAD `/`. */
  index(request: IncomingMessage, response: ServerResponse): void;
  /** GET, HEAD `/page/<file>`. */
  asset(request: IncomingMessage, response: ServerResponse, name: string): void;
  /** GET, HEAD `/page/api/overview`. */
  overview(request: IncomingMessage, response: ServerResponse): void;
  /** GET `/page/api/events`. */
  events(response: ServerResponse): void;
  /** Ends the event streams; none is opened again. Idempotent. */
  close(): void;
}

/** The same seen from the sources, from the compiled files and from the bundle: each is two folders deep. */
const FOLDER = '../../dist/bin/page/';

function plain(response: ServerResponse, status: number, text: string): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  response.writeHead(status, { ...PAGE_HEADERS, ...headers }).end(`${text}\n`);
}

class ServedStatusPage implements StatusPage {
  readonly #options: StatusPageOptions;
  readonly #streams: EventStreams;
  readonly #overview: ReturnType<typeof createOverview>;
  #assets: Promise<PageAssets> | undefined;
  #reading: Promise<string> | undefined;

  constructor(options: StatusPageOptions) {
    const { facts, onError, limits } = options;
    this.#options = options;
    const figures = createProcessFigures();
    const streams = (): number => facts.streams() + this.#streams.size;
    this.#overview = createOverview({ ...facts, streams }, figures);
    let forget: (() => void) | undefined;
    this.#streams = new EventStreams({
      overview: this.#overview,
      onError,
      limits: limits ?? {},
      watched: (isWatched) => {
        forget?.();
        forget = isWatched ? facts.onChange(() => this.#streams.changed()) : undefined;
        if (isWatched) figures.watch();
        else figures.rest();
      },
    });
  }

  index(request: IncomingMessage, response: ServerResponse): void {
    this.asset(request, response, 'index.html');
  }

  asset(request: IncomingMessage, response: ServerResponse, name: string): void {
    void this.#sendAsset(request, response, name);
  }

  overview(request: IncomingMessage, response: ServerResponse): void {
    void this.#sendOverview(request, response);
  }

  events(response: ServerResponse): void {
    this.#streams.open(response);
  }

  close(): void {
    this.#streams.close();
  }

  async #sendAsset(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
  ): Promise<void> {
    try {
      const asset = (await this.#read()).get(name);
      if (asset === undefined) plain(response, 404, 'Not found');
      else sendAsset(request, response, asset);
    } catch (error) {
      const isKnown = error instanceof PageAssetsError;
      if (!isKnown) this.#options.onError(error);
      plain(response, 503, isKnown ? error.message : 'the status page cannot be read');
    }
  }

  async #sendOverview(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      this.#reading ??= this.#overview.text().finally(() => {
        this.#reading = undefined;
      });
      const body = Buffer.from(await this.#reading);
      const headers = {
        'content-type': 'application/json',
        'content-length': body.length,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      };
      response.writeHead(200, headers).end(request.method === 'HEAD' ? undefined : body);
    } catch (error) {
      this.#options.onError(error);
      plain(response, 500, 'the overview cannot be made');
    }
  }

  /** Once it was there it is kept; else it is looked for again. */
  async #read(): Promise<PageAssets> {
    const folder = this.#options.folder ?? fileURLToPath(new URL(FOLDER, import.meta.url));
    this.#assets ??= readPageAssets(folder).catch((error: unknown) => {
      this.#assets = undefined;
      throw error;
    });
    return await this.#assets;
  }
}

/** Reads and watches nothing before it is asked. */
export function createStatusPage(options: StatusPageOptions): StatusPage {
  return new ServedStatusPage(options);
}
