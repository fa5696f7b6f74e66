import { isDeepStrictEqual } from 'node:util';
import type { RegistryHandle } from '@cortex-os/mcp-registry';
import type { Logger } from 'pino';
import type { ConnectorDefinition } from '../../connectors/connector.ts';
import { connectorsOfRegistry, type RegistryConnectorPolicy } from './registry-connectors.ts';
import { registryToolConnector } from './registry-tool-server.ts';

export interface RegistryOfferOptions {
  /** Asked at each reading: what is allowed may change while the service runs. */
  readonly policy: () => RegistryConnectorPolicy;
  /** Whether the registry's own tools are offered as well. */
  readonly tools: boolean;
  readonly logger: Logger;
}

/** The connectors that a registry gives, as they were read last. */
export class RegistryOffer {
  readonly #options: RegistryOfferOptions;
  #definitions: readonly ConnectorDefinition[] = [];
  #warnings: readonly string[] = [];
  #shadowed: readonly string[] = [];
  #reading: Promise<unknown> = Promise.resolve();

  constructor(options: RegistryOfferOptions) {
    this.#options = options;
  }

  /** Connectors of the registry, its tools aside. */
  get size(): number {
    return this.#definitions.length;
  }

  /** Those of them whose id no other connector has. */
  get used(): number {
    return this.#definitions.filter(({ id }) => !this.#shadowed.includes(id)).length;
  }

  /** One line each. */
  get warnings(): readonly string[] {
    const shadowed = this.#shadowed.map(
      (id) => `${id} of the registry is not used: another has its id`,
    );
    return [...this.#warnings, ...shadowed];
  }

  /** Reads the registry, after any reading under way. @returns whether other connectors are wanted now. */
  async read(handle: RegistryHandle): Promise<boolean> {
    const read = this.#reading.then(async () => await this.#read(handle));
    this.#reading = read.catch(() => undefined);
    return await read;
  }

  /** `own` with the registry's connectors beside them; an id of `own` wins. */
  merge(own: readonly ConnectorDefinition[]): readonly ConnectorDefinition[] {
    const taken = new Set(own.map(({ id }) => id));
    const offered = [...(this.#options.tools ? [registryToolConnector] : []), ...this.#definitions];
    const merged = [...own];
    const shadowed: string[] = [];
    for (const definition of offered) {
      if (taken.has(definition.id)) shadowed.push(definition.id);
      else merged.push(definition);
      taken.add(definition.id);
    }
    this.#noteShadowed(shadowed);
    return merged;
  }

  async #read(handle: RegistryHandle): Promise<boolean> {
    const { policy, logger } = this.#options;
    const { definitions, warnings } = await handle.use(
      'read',
      async (cache) => await connectorsOfRegistry(cache.peekConnectors(), policy()),
    );
    for (const warning of warnings) {
      if (!this.#warnings.includes(warning)) logger.warn(warning);
    }
    this.#warnings = warnings;
    if (isDeepStrictEqual(definitions, this.#definitions)) return false;
    this.#definitions = definitions;
    return true;
  }

  #noteShadowed(ids: readonly string[]): void {
    for (const connector of ids.filter((id) => !this.#shadowed.includes(id))) {
      this.#options.logger.warn({ connector }, 'a configured connector wins over the registry');
    }
    this.#shadowed = ids;
  }
}
