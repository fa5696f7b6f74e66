import type { IncomingMessage } from 'node:http';
import { RegistryApiError } from './api-error.ts';
import { versionsBodies } from './list-page.ts';
import type { ListedServers } from './listed-servers.ts';
import { readJsonBody } from './read-body.ts';
import { itemBody } from './read-routes.ts';
import {
  deleteServer,
  publishServer,
  replaceServer,
  setAllStatus,
  setStatus,
  type Precondition,
  type ServerId,
  type WriteTarget,
} from './registry-writes.ts';
import { ifMatchHolds } from './reply.ts';
import type { RegistryRoute } from './route.ts';
import { parseStatusUpdate } from './status-update.ts';

function failed(header: string): RegistryApiError {
  return new RegistryApiError(412, 'PRECONDITION_FAILED', `${header} does not hold`);
}

function assertPreconditions(request: IncomingMessage, bodies: readonly string[]): void {
  if (!ifMatchHolds(request, bodies)) throw failed('If-Match');
  if (request.headers['if-none-match']?.trim() === '*' && bodies.length > 0)
    throw failed('If-None-Match');
}

function isConditional({ headers }: IncomingMessage): boolean {
  return headers['if-match'] !== undefined || headers['if-none-match'] !== undefined;
}

function ofItem(servers: ListedServers, request: IncomingMessage): Precondition {
  return (current) => {
    if (isConditional(request))
      assertPreconditions(
        request,
        current.map((server) => itemBody(servers, server)),
      );
  };
}

function ofVersions(servers: ListedServers, request: IncomingMessage): Precondition {
  return (current) => {
    if (isConditional(request)) assertPreconditions(request, versionsBodies(servers, current));
  };
}

async function writeAllStatus(
  target: WriteTarget,
  name: string,
  request: IncomingMessage,
): Promise<string> {
  const { servers } = target;
  const update = parseStatusUpdate(await readJsonBody(request));
  const changed = await setAllStatus(target, name, update, ofVersions(servers, request));
  const items = changed.map((server) => itemBody(servers, server));
  return `{"updatedCount":${items.length},"servers":[${items.join(',')}]}`;
}

async function writeVersion(target: WriteTarget, id: ServerId, request: IncomingMessage) {
  const holds = ofItem(target.servers, request);
  if (request.method === 'DELETE') return deleteServer(target, id, holds);
  const body = await readJsonBody(request);
  if (request.method === 'PUT') return replaceServer(target, id, body, holds);
  return setStatus(target, id, parseStatusUpdate(body), holds);
}

/**
 * Makes the change a writing request asks for and gives the body of the answer, once the change is durable.
 * @throws RegistryApiError 4xx; what the store throws.
 */
export async function writeRoute(
  target: WriteTarget,
  route: RegistryRoute,
  request: IncomingMessage,
): Promise<string> {
  const { servers } = target;
  if (route.kind === 'publish') {
    const body = await readJsonBody(request);
    return itemBody(servers, await publishServer(target, body, ofItem(servers, request)));
  }
  if (route.kind === 'all-status') return writeAllStatus(target, route.name, request);
  if (route.kind === 'list' || route.kind === 'versions')
    throw new RegistryApiError(404, 'NOT_FOUND', 'Path not found');
  return itemBody(servers, await writeVersion(target, route, request));
}
