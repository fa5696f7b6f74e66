import { loadConfig, type LoadedConfig } from '../config/config.ts';
import { REDACTED, redactConnector } from '../config/redact-connector.ts';
import { secretTexts } from '../config/secret-texts.ts';
import type { ServiceReading } from '../proof/service-reading.ts';
import type { CommandContext } from './command.ts';

export const CONFIG_COPY = 'configuration.json';

/** The copy of the configuration that a baseline holds, or why there is none. */
export type ConfigCopy =
  | { readonly kind: 'copy'; readonly text: string }
  | { readonly kind: 'none'; readonly why: string };

/** As `config show --json` has it: values of secrets are left out, and their texts wherever else they may stand. */
function copyOf(config: LoadedConfig): string {
  const connectors = config.connectors.map((definition) => redactConnector(definition));
  const text = JSON.stringify({ ...config, connectors }, undefined, 2);
  const hidden = [...secretTexts(config)].reduce((all, secret) => {
    const written = JSON.stringify(secret).slice(1, -1);
    return written === '' ? all : all.replaceAll(written, REDACTED);
  }, text);
  return `${hidden}\n`;
}

/**
 * The configuration a service runs with, dated by the baseline it is kept in (S1-16). Never rejects.
 * @param config what this command has read itself; else the file that the service names is read.
 */
export async function copyConfig(
  { io, flags }: Pick<CommandContext, 'io' | 'flags'>,
  config: LoadedConfig | undefined,
  reading: ServiceReading,
): Promise<ConfigCopy> {
  if (config !== undefined) return { kind: 'copy', text: copyOf(config) };
  const path = reading.setting('config');
  if (typeof path !== 'string') {
    return { kind: 'none', why: 'the service does not tell where its file is' };
  }
  try {
    const sources = { env: io.env, cwd: io.cwd, home: io.home, orEmpty: false };
    const loaded = await loadConfig({ ...sources, flags: { ...flags, config: path } });
    return { kind: 'copy', text: copyOf(loaded) };
  } catch (error) {
    return { kind: 'none', why: error instanceof Error ? error.message : String(error) };
  }
}
