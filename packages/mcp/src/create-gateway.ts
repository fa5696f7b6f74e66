import { homedir } from 'node:os';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { readConnectors } from './config/client-config.ts';
import { parseConfigText } from './config/config-document.ts';
import { processEnvironment } from './config/environment.ts';
import { packageVersion } from './config/package-version.ts';
import { DEFAULT_SETTINGS } from './service/default-settings.ts';
import { createService, type Service, type ServiceSettings } from './service/service.ts';

export interface GatewayOptions {
  /** Connectors by name, as Claude, Cursor and VS Code write them. */
  readonly mcpServers: Readonly<Record<string, unknown>>;
  /** Default: port 0 (a free one) on 127.0.0.1, nothing kept on disk, else as the program. */
  readonly settings?: Partial<ServiceSettings>;
  /** Variables for `${…}` in entries, and what child processes inherit from. Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths and `${workspaceFolder}` mean. Default: the working directory. */
  readonly folder?: string;
  /** Default: silent. */
  readonly logger?: Logger;
}

/** A gateway inside another program, with what was odd about its configuration. */
export interface Gateway extends Service, AsyncDisposable {
  /** One line each. */
  readonly warnings: readonly string[];
}

/**
 * The gateway as a library. Nothing connects or listens before `start()`; close it, or children stay.
 * @throws ConfigError for an entry that cannot be understood.
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const env = options.env ?? processEnvironment();
  const file = join(options.folder ?? process.cwd(), 'createGateway');
  const document = parseConfigText(file, JSON.stringify({ mcpServers: options.mcpServers }));
  const { connectors, warnings } = await readConnectors(document, { env, home: homedir() });
  const service = createService({
    connectors,
    settings: { ...DEFAULT_SETTINGS, ...options.settings },
    logger: options.logger ?? pino({ level: 'silent' }),
    baseEnv: env,
    version: packageVersion(),
  });
  return Object.assign(service, {
    warnings,
    [Symbol.asyncDispose]: async () => await service.close(),
  });
}
