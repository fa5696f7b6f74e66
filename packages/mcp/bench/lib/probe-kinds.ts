import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../src/connectors/connector.ts';
import { FAULTS, joinFound, probeFault, type ProbeFault, type ProbeKind } from './fault-probe.ts';
import type { ProbeRow } from './fault-table.ts';
import { connectorsOf } from './measure-pass.ts';
import {
  callTemplate,
  payloadJson,
  requestTemplate,
  type RequestTemplate,
} from './message-bytes.ts';
import { startPeer, type PeerName } from './peers.ts';
import type { RawServers } from './raw-server.ts';
import { startSubject } from './subject.ts';

const ERA = 'legacy';
const ARGS = payloadJson(200, 'string');

/** How long ours waits for an answer of the servers of a bench with faults; 60 s where nothing is said. */
export const CALL_TIMEOUT_MS = 2_000;
/** What is set where nothing is said: other benches lift it. */
export const MAX_IN_FLIGHT = 32;

/** As a file gives them, with calls that end while the bench waits for them. */
export function impatientConnectors(urls: readonly string[]): readonly ConnectorDefinition[] {
  const timeouts = { ...DEFAULT_TIMEOUTS, idleTimeoutMs: CALL_TIMEOUT_MS };
  return connectorsOf(urls).map((one) => Object.assign({}, one, { timeouts }));
}

/** A call of the server at that place, by the name that this gateway gives its tool. */
export function callOf(at: number, gateway: string): RequestTemplate {
  const server = `server-${String(at).padStart(3, '0')}`;
  // It allows no hyphens in names of servers.
  return callTemplate(
    ERA,
    `${gateway === 'mcp-hub' ? server.replace('-', '_') : server}__r512`,
    ARGS,
  );
}

function requestsFor(
  gateway: string,
  servers: number,
): Record<'healthy' | 'broken' | 'list', RequestTemplate> {
  return {
    healthy: callOf(servers - 1, gateway),
    broken: callOf(0, gateway),
    list: requestTemplate({ era: ERA, method: 'tools/list', params: '' }),
  };
}

export function oursKind(urls: readonly string[]): ProbeKind {
  const connectors = impatientConnectors(urls);
  const settings = { maxInFlight: MAX_IN_FLIGHT };
  return {
    name: 'ours',
    async start(early) {
      const subject = await startSubject({ kind: 'ours', connectors, settings, early });
      return { subject, url: subject.url, way: 'session', ...requestsFor('ours', urls.length) };
    },
  };
}

export function sdkKind(urls: readonly string[]): ProbeKind {
  return {
    name: 'sdk',
    async start() {
      const subject = await startSubject({ kind: 'sdk', era: ERA, urls });
      return { subject, url: subject.url, way: 'session', ...requestsFor('sdk', urls.length) };
    },
  };
}

export function peerKind(name: PeerName, urls: readonly string[]): ProbeKind {
  return {
    name,
    async start() {
      const subject = await startPeer(name, urls);
      const way = name === 'mcp-hub' ? 'sse' : 'plain';
      return { subject, url: subject.url, way, ...requestsFor(name, urls.length) };
    },
  };
}

/** Every kind beside every fault, in turn. */
export async function probeAll(
  kinds: readonly ProbeKind[],
  servers: RawServers,
  { rounds, faults = FAULTS }: { readonly rounds: number; readonly faults?: readonly ProbeFault[] },
): Promise<readonly ProbeRow[]> {
  const rows: ProbeRow[] = [];
  for (const fault of faults) {
    for (const kind of kinds) {
      const all = [];
      for (let round = 0; round < rounds; round += 1) {
        all.push(await probeFault(kind, servers, fault));
      }
      rows.push({ fault, name: kind.name, found: joinFound(all) });
    }
  }
  return rows;
}
