import { createFaultPlan } from '../fault-plan.ts';
import type { HttpFault } from '../fault.ts';
import { createFeatureSet, type FeatureSet } from '../features/feature-set.ts';
import { createUpstreamCounter } from '../upstream-counter.ts';
import type { HttpUpstream, HttpUpstreamOptions } from '../upstream.ts';
import type { Engine } from './engine.ts';
import { createFrontListener } from './front-listener.ts';
import { serveFront } from './front.ts';
import { createSessionEngine, createStatelessEngine } from './legacy-engine.ts';
import { createModernEngine } from './modern-engine.ts';

function createEngine(
  options: HttpUpstreamOptions,
  features: FeatureSet,
  onSession: () => void,
): Engine {
  const { kind } = options;
  if (kind === 'legacy-http-session') return createSessionEngine({ features, onSession });
  if (kind === 'legacy-http-stateless') return createStatelessEngine(features);
  const legacy = kind === 'modern-http' ? 'reject' : 'stateless';
  return createModernEngine({ features, hints: options, legacy });
}

/** Starts a real server of one of the HTTP kinds on 127.0.0.1, with the fault layer in front of it. */
export async function startHttpUpstream(options: HttpUpstreamOptions): Promise<HttpUpstream> {
  const { kind, name = kind, latencyMs = 0, handshakeMs = 0 } = options;
  const { faults = [], toolCount = 0, pageSize } = options;
  const counter = createUpstreamCounter();
  const onAborted = counter.aborted;
  const features = createFeatureSet({ name, toolCount, pageSize, onAborted });
  const newEngine = (): Engine => createEngine(options, features, counter.session);
  const state = {
    latencyMs,
    handshakeMs,
    plan: createFaultPlan(faults),
    engine: newEngine(),
    onAborted,
    onRequest: counter.request,
    onExchange: counter.exchange,
  };
  const listener = createFrontListener({
    serve: async (incoming, response) => serveFront(state, incoming, response),
    onConnection: counter.connection,
  });
  const isRefusing = (): boolean => state.plan.find('tcp-refuse') !== undefined;
  const startsRefusing = isRefusing();
  const port = await listener.open(0);
  if (startsRefusing) listener.refuse();
  let isClosed = false;

  function setFaults(next: readonly HttpFault[]): void {
    state.plan = createFaultPlan(next);
    if (isRefusing()) listener.refuse();
    else if (!listener.isOpen && !isClosed) void listener.open(port);
  }

  async function close(): Promise<void> {
    isClosed = true;
    await Promise.all([listener.close(), state.engine.close()]);
  }

  return {
    transport: 'http',
    kind,
    name,
    url: `http://127.0.0.1:${port}/mcp`,
    get counts() {
      return counter.snapshot();
    },
    get open() {
      return { connections: listener.connections, sessions: state.engine.openSessions };
    },
    setFaults,
    setTools(names) {
      features.setTools(names);
      state.engine.announceTools();
    },
    async restart() {
      const old = state.engine;
      listener.refuse();
      state.engine = newEngine();
      await Promise.all([old.close(), listener.open(port)]);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
