/** A definition that was approved, or seen. */
export interface KeptDefinition {
  readonly hash: string;
  /** When, as ISO 8601. */
  readonly at: string;
  /** Who approved it; undefined for what was only seen. */
  readonly by?: 'first-use' | 'operator' | undefined;
  /** As the server wrote it; undefined when it was too long to keep. */
  readonly text?: string | undefined;
}

/** One tool: what is approved of it and, where that differs, what its server offers now. */
export interface ToolPin {
  readonly approved?: KeptDefinition | undefined;
  readonly seen?: KeptDefinition | undefined;
  /** Its server no longer offers it, since then. */
  readonly gone?: string | undefined;
}

/** The pins of one connector. */
export interface ConnectorPins {
  /** The server they were approved of; see `serverIdentity`. */
  readonly server: string;
  /** The server behind the connector now, where that is another one. */
  readonly seenServer?: string | undefined;
  readonly tools: Map<string, ToolPin>;
}

/** Every pin. Changed in place, by the functions of this file only. */
export interface PinBook {
  /** When a book before this one was found damaged: since then nothing is trusted at first sight. */
  lost?: string | undefined;
  readonly connectors: Map<string, ConnectorPins>;
}

/** What a connector offers now. */
export interface Sighting {
  readonly connectorId: string;
  readonly server: string;
  readonly tools: readonly {
    readonly name: string;
    readonly text: string;
    readonly hash: string;
  }[];
}

export interface SightingPolicy {
  /** Approves everything of a connector that was never seen. */
  readonly trustFirst: boolean;
  /** As `trustFirst`, when another server stands behind a known connector. */
  readonly trustServer: boolean;
  /** ISO 8601. */
  readonly now: string;
}

/** How a tool stands to what was approved. */
export type PinState = 'approved' | 'changed' | 'new' | 'removed';

/** Longest text that is kept for showing what has changed; of longer ones only the hash is. */
const MAX_TEXT_LENGTH = 16_384;
/** Connectors, and tools of one, that have pins; what is beyond stays unapproved. */
const MAX_CONNECTORS = 10_000;
const MAX_TOOLS = 2_000;

export function emptyBook(): PinBook {
  return { connectors: new Map() };
}

function kept(
  tool: Sighting['tools'][number],
  at: string,
  by?: KeptDefinition['by'],
): KeptDefinition {
  const text = tool.text.length <= MAX_TEXT_LENGTH ? tool.text : undefined;
  return { hash: tool.hash, at, ...(by && { by }), ...(text !== undefined && { text }) };
}

/** What is known of a tool once it was offered; the very same when nothing is new. */
function pinAfter(
  pin: ToolPin | undefined,
  tool: Sighting['tools'][number],
  { trust, now }: { readonly trust: boolean; readonly now: string },
): ToolPin {
  if (trust || pin === undefined) {
    return trust ? { approved: kept(tool, now, 'first-use') } : { seen: kept(tool, now) };
  }
  const { approved, seen, gone } = pin;
  const same = seen?.hash === tool.hash;
  if (approved === undefined) return same ? pin : { seen: kept(tool, now) };
  if (approved.hash !== tool.hash) return same ? pin : { approved, seen: kept(tool, now) };
  return seen === undefined && gone === undefined ? pin : { approved };
}

function sawTools(
  { tools: known }: ConnectorPins,
  tools: Sighting['tools'],
  how: { readonly trust: boolean; readonly now: string },
): boolean {
  let changed = false;
  for (const tool of tools) {
    const pin = known.get(tool.name);
    if (pin === undefined && known.size >= MAX_TOOLS) continue;
    const after = pinAfter(pin, tool, how);
    if (after === pin) continue;
    known.set(tool.name, after);
    changed = true;
  }
  return changed;
}

function sawGone(pins: ConnectorPins, offered: ReadonlySet<string>, now: string): boolean {
  let changed = false;
  for (const [name, pin] of pins.tools) {
    if (offered.has(name) || pin.gone !== undefined) continue;
    changed = true;
    if (pin.approved === undefined) pins.tools.delete(name);
    else pins.tools.set(name, { approved: pin.approved, gone: now });
  }
  return changed;
}

/** Whether what a connector offers counts as approved, as nothing is known of the server behind it. */
function trusts(
  book: PinBook,
  known: ConnectorPins | undefined,
  { server }: Sighting,
  policy: SightingPolicy,
): boolean {
  if (book.lost !== undefined) return false;
  if (known === undefined) return policy.trustFirst;
  return known.server !== server && policy.trustServer;
}

/**
 * Notes what a connector offers.
 * @returns whether the book has changed.
 */
export function observe(book: PinBook, sighting: Sighting, policy: SightingPolicy): boolean {
  const { connectorId, server, tools } = sighting;
  const { now } = policy;
  const known = book.connectors.get(connectorId);
  // One that has nothing yet may be about to register its tools.
  const skip = tools.length === 0 || book.connectors.size >= MAX_CONNECTORS;
  if (known === undefined && skip) return false;
  const trust = trusts(book, known, sighting, policy);
  if (known === undefined || trust) {
    const fresh: ConnectorPins = { server, tools: new Map<string, ToolPin>() };
    sawTools(fresh, tools, { trust, now });
    book.connectors.set(connectorId, fresh);
    return true;
  }
  const seenServer = known.server === server ? undefined : server;
  const moved = known.seenServer !== seenServer;
  const pins: ConnectorPins = {
    server: known.server,
    ...(seenServer !== undefined && { seenServer }),
    tools: known.tools,
  };
  if (moved) book.connectors.set(connectorId, pins);
  const saw = sawTools(pins, tools, { trust, now });
  const gone = sawGone(pins, new Set(tools.map(({ name }) => name)), now);
  return moved || saw || gone;
}

/** How a tool that is offered stands to what was approved. */
export function stateOf(pins: ConnectorPins | undefined, name: string, hash: string): PinState {
  const approved = pins?.tools.get(name)?.approved;
  if (approved === undefined) return 'new';
  return approved.hash === hash && pins?.seenServer === undefined ? 'approved' : 'changed';
}

/** A tool that waits for the operator. */
export interface PendingTool {
  readonly connector: string;
  readonly tool: string;
  readonly change: Exclude<PinState, 'approved'>;
  readonly since: string;
  /** Of the definition that waits; undefined for one that is gone. */
  readonly hash: string | undefined;
}

/** What waits for the operator in one connector, in order of name. */
export function pendingOf(connector: string, { tools }: ConnectorPins): readonly PendingTool[] {
  return [...tools]
    .flatMap(([tool, { approved, seen, gone }]): PendingTool[] => {
      if (gone !== undefined) {
        return [{ connector, tool, change: 'removed', since: gone, hash: undefined }];
      }
      if (seen === undefined) return [];
      const change = approved === undefined ? 'new' : 'changed';
      return [{ connector, tool, change, since: seen.at, hash: seen.hash }];
    })
    .toSorted((a, b) => (a.tool < b.tool ? -1 : 1));
}

/** A tool as it is once the operator has approved it; undefined when it is gone. */
function approvedPin({ approved, seen, gone }: ToolPin, now: string): ToolPin | undefined {
  if (gone !== undefined) return undefined;
  return seen === undefined ? { approved } : { approved: { ...seen, at: now, by: 'operator' } };
}

/**
 * Approves what a connector offers now, or one tool of it: of another server than before only as a whole.
 * @returns the names of the tools that were waiting.
 */
export function approve(
  book: PinBook,
  connectorId: string,
  tool: string | undefined,
  now: string,
): readonly string[] {
  const pins = book.connectors.get(connectorId);
  if (pins === undefined) return [];
  const names: string[] = [];
  for (const [name, pin] of pins.tools) {
    const waits = pin.seen ?? pin.gone ?? pins.seenServer;
    if (waits === undefined || (tool !== undefined && name !== tool)) continue;
    names.push(name);
    const after = approvedPin(pin, now);
    if (after === undefined) pins.tools.delete(name);
    else pins.tools.set(name, after);
  }
  if (tool === undefined && pins.seenServer !== undefined) {
    book.connectors.set(connectorId, { server: pins.seenServer, tools: pins.tools });
  }
  return names;
}
