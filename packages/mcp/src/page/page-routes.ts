import type { Route } from '../http/route.ts';
import type { StatusPage, StatusPageOptions } from './status-page.ts';

/** The page inside a service: its routes, and the end of its streams. */
export interface PagePart {
  readonly routes: readonly (readonly [string, Route])[];
  /** Ends the event streams in order; none is opened again. Idempotent. */
  close(): void;
}

const READ_ONLY: readonly string[] = ['GET', 'HEAD'];

/** For a service without the page: nothing is served, and nothing is measured for it. */
export const NO_PAGE: PagePart = { routes: [], close: () => undefined };

/**
 * `/`, `/page/<file>`, `/page/api/overview` and `/page/api/events`. The page holds no data and is open; what it shows
 * has the class of `/status`. Its code is loaded with the first request.
 */
export function createPageRoutes(options: StatusPageOptions): PagePart {
  let loading: Promise<StatusPage> | undefined;
  let loaded: StatusPage | undefined;
  let isClosed = false;
  const load = async (): Promise<StatusPage> => {
    const { createStatusPage } = await import('./status-page.ts');
    loaded = createStatusPage(options);
    if (isClosed) loaded.close();
    return loaded;
  };
  const withPage = (answer: (page: StatusPage, ...of: Parameters<Route['handle']>) => void) => {
    const handle: Route['handle'] = (...of) => {
      if (loaded !== undefined) {
        answer(loaded, ...of);
        return;
      }
      loading ??= load();
      loading.then(
        (page) => answer(page, ...of),
        (error: unknown) => {
          options.onError(error);
          of[1].destroy();
        },
      );
    };
    return handle;
  };
  const index = withPage((page, request, response) => page.index(request, response));
  const asset = withPage((page, request, response, rest) => page.asset(request, response, rest));
  const overview = withPage((page, request, response) => page.overview(request, response));
  const events = withPage((page, _request, response) => page.events(response));
  return {
    routes: [
      ['/', { auth: 'open', methods: READ_ONLY, handle: index }],
      ['/page/', { auth: 'open', methods: READ_ONLY, handle: asset }],
      ['/page/api/overview', { auth: 'operator', methods: READ_ONLY, handle: overview }],
      ['/page/api/events', { auth: 'operator', methods: ['GET'], handle: events }],
    ],
    close: () => {
      isClosed = true;
      loaded?.close();
    },
  };
}
