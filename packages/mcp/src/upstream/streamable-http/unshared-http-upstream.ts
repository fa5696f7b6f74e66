import type { ConnectorDefinition } from '../../connectors/connector.ts';
import type { SharedAgents } from './agent.ts';
import type { ConnectorPhase } from '../upstream-error.ts';
import type { RawMember } from '../../protocol/message.ts';
import { createHttpUpstream, type HttpUpstreamOptions } from './http-upstream.ts';
import { createRenewableAgents, type RenewableAgents } from './renewable-dispatcher.ts';
import type {
  ConnectNext,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  RequestOptions,
  Upstream,
  UpstreamInfo,
} from '../upstream.ts';

class UnsharedHttpUpstream implements Upstream {
  readonly #inner: Upstream;
  readonly #agents: RenewableAgents;

  constructor(inner: Upstream, agents: RenewableAgents) {
    this.#inner = inner;
    this.#agents = agents;
  }

  get connectorId(): string {
    return this.#inner.connectorId;
  }

  get info(): UpstreamInfo | undefined {
    return this.#inner.info;
  }

  get phase(): ConnectorPhase {
    return this.#inner.phase;
  }

  async connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo> {
    return await this.#inner.connect(signal, next);
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    return await this.#inner.request(method, params, options);
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    return this.#inner.forward(request, sink);
  }

  async setInterest(interest: Interest): Promise<void> {
    await this.#inner.setInterest(interest);
  }

  notify(text: string): void {
    this.#inner.notify?.(text);
  }

  /** Calls under way keep their sockets until they have ended. */
  passEnded(): void {
    this.#agents.renew();
  }

  async close(): Promise<void> {
    await this.#inner.close();
    await this.#agents.close();
  }
}

/**
 * An HTTP connector on sockets of its own (`MCP_CONNECTOR_SHARED_AGENT` off).
 * @param create makes them. Default: with default options.
 */
export function createUnsharedHttpUpstream(
  definition: ConnectorDefinition,
  options: Omit<HttpUpstreamOptions, 'agents'>,
  create?: () => SharedAgents,
): Upstream & { passEnded(): void } {
  const agents = createRenewableAgents(create);
  return new UnsharedHttpUpstream(createHttpUpstream(definition, { ...options, agents }), agents);
}
