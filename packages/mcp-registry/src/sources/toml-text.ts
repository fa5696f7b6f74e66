import { TomlError, parse } from 'smol-toml';
import { SourceError } from './source-error.ts';

/** The longest TOML text that is read. */
export const maxTomlLength: number = 4 * 1024 * 1024;

const maxDepth = 64;

/** What a fault of the parser says, without the lines of the file that it quotes: they may hold secrets. */
function sourceError(fault: TomlError): SourceError {
  const [what = ''] = fault.message.replace(/^Invalid TOML document: /u, '').split('\n', 1);
  return new SourceError('EFORMAT', `the TOML is not valid on line ${fault.line} (${what})`);
}

/**
 * Reads TOML (1.0 and 1.1) into what JSON would be: numbers are doubles, times text.
 * @throws SourceError `EFORMAT` naming the line, `ETOOLARGE` above {@link maxTomlLength}.
 */
export function parseTomlText(given: string): Readonly<Record<string, unknown>> {
  const text = given.startsWith('\uFEFF') ? given.slice(1) : given;
  if (text.length > maxTomlLength)
    throw new SourceError('ETOOLARGE', `the text is larger than ${maxTomlLength} characters`);
  try {
    return JSON.parse(JSON.stringify(parse(text, { maxDepth })));
  } catch (error) {
    if (error instanceof TomlError) throw sourceError(error);
    throw error;
  }
}
