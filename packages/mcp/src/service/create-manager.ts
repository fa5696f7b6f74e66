import type { LookupFunction } from 'node:net';
import pLimit from 'p-limit';
import { createCallGuards } from './call-guards.ts';
import { ConnectorProxyManager, type ConnectorProxyManagerOptions } from '../connectors/manager.ts';
import type { CreateUpstream } from '../connectors/entry/connector-entry.ts';
import { createManifestStore } from '../connectors/cache/manifest-store.ts';
import type { CredentialsPart } from './credentials-part.ts';
import type { Instruments } from '../observability/instruments.ts';
import type { EventLog } from './event-log.ts';
import { createTraced } from '../observability/traced-work.ts';
import { ownedCacheStore } from './owned-stores.ts';
import type { ServiceOptions } from './service-options.ts';
import type { StateOwner } from './state-owner.ts';
import type { SharedAgents } from '../upstream/streamable-http/agent.ts';
import type { InProcessServer } from '../upstream/in-process-upstream.ts';
import type { Reaper } from '../upstream/process/reaper.ts';
import type { UpstreamError } from '../upstream/upstream-error.ts';
import type { RefusedQuestion } from '../upstream/upstream.ts';
import { createUpstreamFactory } from './upstream-factory.ts';

/** What the manager shares with the rest of the service. */
export interface ManagerParts {
  readonly agents: SharedAgents;
  /** For connectors of a remote map. */
  readonly remoteAgents: SharedAgents;
  readonly remoteLookup: LookupFunction;
  readonly credentials: CredentialsPart;
  readonly reaper: Reaper;
  /** Tools of our own, by the `server` of an in-process transport. */
  readonly inProcess?: ReadonlyMap<string, InProcessServer> | undefined;
  readonly instruments: Instruments;
  readonly random: () => number;
  readonly owner: StateOwner;
  readonly events: EventLog;
  readonly onTold: NonNullable<ConnectorProxyManagerOptions['onTold']>;
}

const REFUSED: readonly RefusedQuestion[] = ['unsupported', 'unattributed', 'excess', 'malformed'];

/** Where manifests are kept over a restart; only the owner of the state writes there. */
function createStore(
  { settings, logger }: ServiceOptions,
  owner: StateOwner,
): ConnectorProxyManagerOptions['store'] {
  const { manifestFolder } = settings;
  if (manifestFolder === undefined) return undefined;
  const store = createManifestStore(manifestFolder, (file, error) =>
    logger.warn({ file, err: error }, 'a kept manifest cannot be used'),
  );
  return ownedCacheStore(store, owner, (connector, error) =>
    logger.warn({ connector, err: error }, 'a manifest was not kept'),
  );
}

/** Tells the log of processes and connections that ended without our doing. */
function tellingLosses(log: EventLog, create: CreateUpstream): CreateUpstream {
  return (definition, events, ...rest) => {
    const closed = (error: UpstreamError): void => {
      log.lost(definition.id, error);
      events.closed(error);
    };
    return create(definition, { ...events, closed }, ...rest);
  };
}

/** The manager as the settings and rollback flags of a service ask for it. */
export function createManager(options: ServiceOptions, parts: ManagerParts): ConnectorProxyManager {
  const { settings, logger, baseEnv, version, connectors, tracing } = options;
  const { agents, remoteAgents, remoteLookup, reaper, instruments, random } = parts;
  // What has not happened yet is shown as well, so that its first time is a rise.
  for (const outcome of REFUSED) instruments.questions.inc({ outcome }, 0);
  const gateOf = createCallGuards({
    settings,
    tracing,
    instruments,
    logger,
    random,
    lost: (connectorId) => manager.outdated(connectorId),
  });
  const manager = new ConnectorProxyManager({
    connectors,
    random,
    prepare: ({ transport }) =>
      transport?.kind === 'http' || transport?.kind === 'sse' ? agents.prepare?.() : undefined,
    onTold: parts.onTold,
    onOutcome: (...what) => parts.events.outcome(...what),
    store: createStore(options, parts.owner),
    startedAtMs: options.startedAtMs,
    backgroundRefresh: settings.backgroundRefresh,
    manifestCache: settings.manifestCache,
    traced: tracing && createTraced(tracing),
    instruments,
    refreshIntervalMs: settings.refreshIntervalMs,
    onError: (what, error) => logger.warn({ err: error }, what),
    syncConcurrency: settings.parallelSync ? settings.syncConcurrency : 1,
    firstListWaitMs: settings.firstListWaitMs,
    createUpstream: tellingLosses(
      parts.events,
      createUpstreamFactory({
        agents: settings.sharedAgent ? agents : undefined,
        remoteAgents: settings.sharedAgent ? remoteAgents : undefined,
        remoteLookup,
        credentials: parts.credentials,
        reaper,
        listens: settings.backgroundRefresh,
        inProcess: parts.inProcess,
        owner: parts.owner,
        baseEnv,
        clientInfo: { name: 'cortex-mcp', version },
        idleStopMs: settings.idleStopMs,
        stdioPool: settings.stdioPool,
        limitStart: pLimit(Math.max(1, settings.processStartConcurrency)),
        random,
        gateOf,
        logger,
        roundTripped: (id) => instruments.find(id)?.roundTripped(),
        onRefused: (outcome) => instruments.questions.inc({ outcome }),
      }),
    ),
  });
  return manager;
}
