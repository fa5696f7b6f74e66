import type { Registry } from 'prom-client';
import { scrape } from '../observability/scrape.ts';
import type { Route } from './route.ts';

/**
 * `/metrics` in the registry's own format. Scrapes that come while one is being written share it.
 * @param onError told when a metric cannot be read; the answer is then 500.
 */
export function metricsRoute(
  registry: Registry,
  onError: (error: unknown) => void,
): readonly [string, Route] {
  let running: Promise<string> | undefined;
  const read = async (): Promise<string> => {
    running ??= scrape(registry).finally(() => {
      running = undefined;
    });
    return await running;
  };
  const handle: Route['handle'] = (_request, response) => {
    const send = (status: number, type: string, body: string): void => {
      const length = Buffer.byteLength(body);
      const headers = { 'content-type': type, 'content-length': length };
      response.writeHead(status, { ...headers, 'cache-control': 'no-store' }).end(body);
    };
    read().then(
      (text) => send(200, registry.contentType, text),
      (error: unknown) => {
        onError(error);
        send(500, 'text/plain; charset=utf-8', 'The metrics cannot be read\n');
      },
    );
  };
  return [
    '/metrics',
    { auth: 'operator', scope: 'metrics:read', methods: ['GET', 'HEAD'], handle },
  ];
}
