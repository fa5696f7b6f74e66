import { expect, test } from 'vitest';
import type { Route } from '../../src/catalog/catalog.ts';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import { Cancellation } from '../../src/gateway/call/cancellation.ts';
import type { ClientRequest } from '../../src/gateway/client-request.ts';
import { createHeaderRenewal } from '../../src/gateway/call/header-renewal.ts';
import type { Era } from '../../src/protocol/revision.ts';
import { OWN_CALLER } from '../../src/upstream/upstream.ts';

const REGION = [{ header: 'mcp-param-region', path: ['region'], numeric: false }];

function request(era: Era): ClientRequest {
  return {
    id: 1,
    method: 'tools/call',
    params: { members: [], meta: [], value: { name: 't', arguments: { region: 'bern' } } },
    era,
    connectorId: undefined,
    principal: ANONYMOUS,
    caller: OWN_CALLER,
    paramHeaders: {},
    cancellation: new Cancellation(),
  };
}

const route = (headerParams?: Route<string>['headerParams'], connectorId = 'c'): Route<string> => ({
  connectorId,
  upstreamName: 't',
  target: '',
  ...(headerParams && { headerParams }),
});

const OLD = { 'mcp-param-place': 'bern' };

test.for([
  ['legacy', route(REGION), OLD, { 'mcp-param-region': 'bern' }],
  ['modern', route(REGION), OLD, { ...OLD, 'mcp-param-region': 'bern' }],
  ['legacy', route(), OLD, {}],
  ['modern', route(), OLD, undefined],
  ['legacy', route(REGION), { 'mcp-param-region': 'bern' }, undefined],
  ['legacy', route(REGION, 'another'), OLD, undefined],
  ['legacy', undefined, OLD, undefined],
] as const)('createHeaderRenewal(): %s, now %j, sent %j', async ([era, now, sent, next]) => {
  const asked: string[] = [];
  const renew = createHeaderRenewal(
    {
      headersRefused: async (connectorId) => {
        await Promise.resolve();
        asked.push(connectorId);
      },
    },
    // The list is looked at when it is here, and not before.
    () => (asked.length === 1 ? now : route(REGION, 'too early')),
  );
  expect(await renew('c', request(era), sent)).toEqual(next);
});
