/** Stable codes of what can be wrong with a configuration. */
export type ConfigErrorCode =
  | 'CONFIG_NOT_FOUND'
  | 'CONFIG_UNREADABLE'
  | 'CONFIG_TOO_LARGE'
  | 'CONFIG_BAD_JSON'
  | 'CONFIG_DUPLICATE_KEY'
  | 'CONFIG_BAD_TYPE'
  | 'CONFIG_BAD_VALUE'
  | 'CONFIG_BAD_URL'
  | 'CONFIG_CONFLICT';

/** Where in a configuration something stands, as far as it is known. */
export interface ConfigPlace {
  /** The file. */
  readonly file?: string | undefined;
  /** The path inside the file (`mcpServers.github.url`), or the name of a flag or variable. */
  readonly path?: string | undefined;
  /** 1-based. */
  readonly line?: number | undefined;
  /** 1-based. */
  readonly column?: number | undefined;
}

/** `file:line:column path`, with the parts that are known. */
export function formatPlace(place: ConfigPlace): string {
  const position = place.line === undefined ? '' : `:${place.line}:${place.column ?? 1}`;
  const file = place.file === undefined ? '' : place.file + position;
  return [file, place.path ?? ''].filter((part) => part !== '').join(' ');
}

/** Text that stays on one line whatever a file or a variable put into it. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** The configuration cannot be used. The message is one line: place, what is wrong, what to do. */
export class ConfigError extends Error {
  readonly code: ConfigErrorCode;
  readonly file: string | undefined;
  readonly path: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** What to do about it. */
  readonly remedy: string;
  constructor(
    code: ConfigErrorCode,
    what: string,
    remedy: string,
    place: ConfigPlace & { readonly cause?: unknown } = {},
  ) {
    const where = formatPlace(place);
    super(
      oneLine(`${where === '' ? '' : `${where}: `}${what}; ${remedy}`),
      place.cause === undefined ? undefined : { cause: place.cause },
    );
    this.name = 'ConfigError';
    this.code = code;
    this.file = place.file;
    this.path = place.path;
    this.line = place.line;
    this.column = place.column;
    this.remedy = remedy;
  }
}
