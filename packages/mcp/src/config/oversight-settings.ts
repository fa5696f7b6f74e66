import type { ConfigDocument } from './config-document.ts';
import { ConfigError, formatPlace } from './config-error.ts';
import { type Environment, readVariable } from './environment.ts';
import { readBooleanVariable } from './flags.ts';
import { describeUnknownKey } from './nearest.ts';
import {
  AUDIT_KEYS,
  FIRST_USES,
  type FileOversight,
  ODD_TEXT_MODES,
  PIN_MODES,
  PINS_KEYS,
} from './oversight-schema.ts';
import type { Setting } from './setting.ts';

/** What a configuration says of the audit log, pins and texts of servers, every value with its origin. */
export interface OversightSettings {
  readonly 'audit.enabled': Setting<boolean>;
  readonly 'audit.required': Setting<boolean>;
  readonly 'audit.maxFileBytes': Setting<number>;
  readonly 'audit.maxFiles': Setting<number>;
  readonly 'pins.mode': Setting<(typeof PIN_MODES)[number]>;
  readonly 'pins.firstUse': Setting<(typeof FIRST_USES)[number]>;
  readonly oddText: Setting<(typeof ODD_TEXT_MODES)[number]>;
}

export interface OversightConfig {
  readonly oversight: OversightSettings;
  readonly warnings: readonly string[];
}

function readWord<T extends string>(
  env: Environment,
  variable: string,
  words: readonly T[],
): T | undefined {
  const text = readVariable(env, variable)?.toLowerCase();
  const word = words.find((one) => one === text);
  if (text === undefined || word !== undefined) return word;
  throw new ConfigError(
    'CONFIG_BAD_VALUE',
    `"${text}" is not a valid value`,
    `write one of ${words.join(', ')}`,
    { path: variable },
  );
}

function unknownKeys(document: ConfigDocument): string[] {
  const groups = [
    ['audit', AUDIT_KEYS],
    ['pins', PINS_KEYS],
  ] as const;
  return groups.flatMap(([group, known]) => {
    const value = document.value[group];
    return Object.keys(typeof value === 'object' && value !== null ? value : {})
      .filter((key) => !known.includes(key))
      .map((key) => {
        const place = formatPlace(document.place([group, key]));
        return `${place}: ${describeUnknownKey(key, known)}`;
      });
  });
}

/**
 * Resolves what the environment and the file say of the audit log, pins and texts: environment, then file, then default.
 * @throws ConfigError naming the variable that is wrong.
 */
export function readOversightConfig(
  env: Environment,
  { audit = {}, pins = {}, oddText }: FileOversight,
  document: ConfigDocument,
): OversightConfig {
  function setting<T>(
    given: readonly [variable: string, value: T | undefined] | undefined,
    inFile: T | undefined,
    standard: T,
  ): Setting<T> {
    if (given?.[1] !== undefined) {
      return { value: given[1], origin: { kind: 'environment', variable: given[0] } };
    }
    if (inFile === undefined) return { value: standard, origin: { kind: 'default' } };
    return { value: inFile, origin: { kind: 'file', path: document.file } };
  }
  const flag = (name: string): readonly [string, boolean | undefined] => [
    name,
    readBooleanVariable(env, name),
  ];
  function word<T extends string>(
    name: string,
    words: readonly T[],
  ): readonly [string, T | undefined] {
    return [name, readWord(env, name, words)];
  }
  return {
    oversight: {
      'audit.enabled': setting(flag('MCP_AUDIT'), audit.enabled, true),
      'audit.required': setting(flag('MCP_AUDIT_REQUIRED'), audit.required, false),
      'audit.maxFileBytes': setting(undefined, audit.maxFileBytes, 67_108_864),
      'audit.maxFiles': setting(undefined, audit.maxFiles, 8),
      'pins.mode': setting(word('MCP_PINS', PIN_MODES), pins.mode, 'alert'),
      'pins.firstUse': setting(word('MCP_PINS_FIRST_USE', FIRST_USES), pins.firstUse, 'approve'),
      oddText: setting(word('MCP_ODD_TEXT', ODD_TEXT_MODES), oddText, 'flag'),
    },
    warnings: unknownKeys(document),
  };
}
