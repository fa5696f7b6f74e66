import { pendingOf, type ConnectorPins, type PendingTool } from './pin-book.ts';

/** Where alerts go; of a logger only this is used. */
export interface AlertPorts {
  readonly logger: { warn(about: object, message: string): void };
  readonly event: (
    event: string,
    about: { readonly connector: string; readonly detail: string },
  ) => void;
}

/** A number that belongs to a connector. */
export interface ConnectorCount {
  readonly connector: string;
  readonly count: number;
}

/** Says once of every tool that it is not as it was approved. */
export interface PinAlerts {
  look(connectorId: string, pins: ConnectorPins | undefined): void;
  /** The connector is gone. */
  forget(connectorId: string): void;
  /** Alerts so far. */
  counts(): readonly (ConnectorCount & { readonly change: string })[];
  pending(): readonly ConnectorCount[];
  /** Bounded. */
  status(): object;
}

/** Tools named in one line, and in a status. */
const MAX_NAMED = 10;
const MAX_SHOWN = 50;

interface Looked {
  readonly pending: readonly PendingTool[];
  readonly server: boolean;
  /** What has been said. */
  readonly told: ReadonlySet<string>;
}

const keyOf = ({ tool, change, hash }: PendingTool): string => `${change}:${tool}:${hash ?? ''}`;

function named(tools: readonly string[]): {
  readonly tools: readonly string[];
  readonly more?: number;
} {
  const more = tools.length - MAX_NAMED;
  return { tools: tools.slice(0, MAX_NAMED), ...(more > 0 && { more }) };
}

class Alerts implements PinAlerts {
  readonly #ports: AlertPorts;
  readonly #looked = new Map<string, Looked>();
  readonly #counts = new Map<
    string,
    { readonly connector: string; readonly change: string; count: number }
  >();

  constructor(ports: AlertPorts) {
    this.#ports = ports;
  }

  look(connectorId: string, pins: ConnectorPins | undefined): void {
    const before = this.#looked.get(connectorId);
    const pending = pins === undefined ? [] : pendingOf(connectorId, pins);
    const server = pins?.seenServer !== undefined;
    this.#looked.set(connectorId, { pending, server, told: new Set(pending.map(keyOf)) });
    const news = pending.filter((one) => before?.told.has(keyOf(one)) !== true);
    if (server && before?.server !== true) this.#say(connectorId, 'server', []);
    for (const change of ['changed', 'new', 'removed'] as const) {
      const tools = news.filter((one) => one.change === change).map(({ tool }) => tool);
      if (tools.length > 0) this.#say(connectorId, change, tools);
    }
  }

  forget(connectorId: string): void {
    this.#looked.delete(connectorId);
    for (const [key, { connector }] of this.#counts) {
      if (connector === connectorId) this.#counts.delete(key);
    }
  }

  counts(): readonly (ConnectorCount & { readonly change: string })[] {
    return [...this.#counts.values()];
  }

  pending(): readonly ConnectorCount[] {
    return [...this.#looked].map(([connector, { pending }]) => ({
      connector,
      count: pending.length,
    }));
  }

  status(): object {
    const all = [...this.#looked.values()].flatMap(({ pending }) => pending);
    const servers = [...this.#looked].filter(([, { server }]) => server).map(([id]) => id);
    const more = all.length - MAX_SHOWN;
    return {
      pending: all.slice(0, MAX_SHOWN),
      ...(more > 0 && { more }),
      ...(servers.length > 0 && { otherServers: servers.slice(0, MAX_SHOWN) }),
    };
  }

  #say(connector: string, change: string, tools: readonly string[]): void {
    const key = `${connector}:${change}`;
    const count = this.#counts.get(key) ?? { connector, change, count: 0 };
    count.count += Math.max(1, tools.length);
    this.#counts.set(key, count);
    const remedy = `cortex-mcp pins diff ${connector}`;
    const message =
      change === 'server'
        ? 'another server stands behind this connector than the one whose tools were approved'
        : 'tool definitions are not as they were approved';
    this.#ports.logger.warn({ connector, change, ...named(tools), remedy }, message);
    const list = tools.slice(0, MAX_NAMED).map((tool) => JSON.stringify(tool));
    this.#ports.event(`pins-${change}`, { connector, detail: list.join(' ') });
  }
}

export function createPinAlerts(ports: AlertPorts): PinAlerts {
  return new Alerts(ports);
}
