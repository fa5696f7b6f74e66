import type { ServerResponse } from 'node:http';
import type { Route } from './route.ts';

/** What the probes ask the service. */
export interface Health {
  /** True when every connector is fresh, stale or named as unavailable, and no shutdown has begun. */
  ready(): boolean;
  /** True once the service listens and what it kept has been taken over. */
  started(): boolean;
  /** The whole status document. */
  status(): Readonly<Record<string, unknown>>;
}

const READ_ONLY: readonly string[] = ['GET', 'HEAD'];

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value, undefined, 2)}\n`;
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    })
    .end(body);
}

/** `/livez` (the process answers), `/readyz` (clients may come), `/startupz` (the start is over), `/status` (everything an operator asks first). */
export function probeRoutes(health: Health): readonly (readonly [string, Route])[] {
  return [
    [
      '/livez',
      {
        auth: 'open',
        methods: READ_ONLY,
        handle: (_request, response) => sendJson(response, 200, { live: true }),
      },
    ],
    [
      '/readyz',
      {
        auth: 'open',
        methods: READ_ONLY,
        handle: (_request, response) => {
          const ready = health.ready();
          sendJson(response, ready ? 200 : 503, { ready });
        },
      },
    ],
    [
      '/startupz',
      {
        auth: 'open',
        methods: READ_ONLY,
        handle: (_request, response) => {
          const started = health.started();
          sendJson(response, started ? 200 : 503, { started });
        },
      },
    ],
    [
      '/status',
      {
        auth: 'operator',
        methods: READ_ONLY,
        handle: (_request, response) => sendJson(response, 200, health.status()),
      },
    ],
  ];
}
