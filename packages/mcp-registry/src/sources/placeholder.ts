import type { ServerRecord } from '../server-record.ts';
import type { ExportClientName } from './client.ts';
import type { ValueSlot } from './record-values.ts';

function word(text: string): string {
  const plain = text.normalize('NFKD').replaceAll(/[^A-Za-z0-9]+/gu, '_');
  return plain.replaceAll(/^_+|_+$/gu, '').toUpperCase();
}

/** The variable that stands for a secret in an exported file: the record's own, else `<RECORD>_<WHAT>`. */
export function placeholderName(record: ServerRecord, slot: ValueSlot): string {
  if (slot.key.startsWith('env.') && /^[A-Za-z_]\w*$/u.test(slot.label)) return slot.label;
  const name = [word(record.name), word(slot.label)].filter((part) => part !== '').join('_');
  return /^[A-Z]/u.test(name) ? name : `SECRET_${name}`;
}

/** The id of the VS Code input for a variable. */
export function inputId(variable: string): string {
  return variable.toLowerCase().replaceAll('_', '-');
}

/** How a client writes a reference to a variable. Claude Desktop replaces none: there it only marks the place. */
export function clientReference(
  client: ExportClientName | 'server-json',
  variable: string,
): string {
  if (client === 'cursor') return `\${env:${variable}}`;
  return client === 'vscode' ? `\${input:${inputId(variable)}}` : `\${${variable}}`;
}

/** Whether a text is the placeholder that an export would have put in a slot, in any client's spelling. */
export function isPlaceholderOf(text: string, record: ServerRecord, slot: ValueSlot): boolean {
  const name = /^\$\{(?:env:|input:)?([\w-]+)\}$/u.exec(text.trim())?.[1];
  return name !== undefined && word(name) === word(placeholderName(record, slot));
}

const builtIn: ReadonlySet<string> = new Set([
  'userHome',
  'workspaceFolder',
  'workspaceFolderBasename',
  'pathSeparator',
  '/',
]);

/** The references of a text in another client's spelling; what no client would know otherwise stays as it is. */
export function translateReferences(text: string, client: ExportClientName): string {
  return text.replaceAll(/\$\{([^{}]*)\}/gu, (whole, body: string) => {
    if (builtIn.has(body) || body.startsWith('file:')) return whole;
    const input = body.startsWith('input:');
    const withoutKind = body.replace(/^(?:env|input):/u, '');
    const at = withoutKind.indexOf(':-');
    const name = at === -1 ? withoutKind : withoutKind.slice(0, at);
    const variable = input ? word(name) : name;
    if (!/^[A-Za-z_]\w*$/u.test(variable)) return whole;
    // Only Claude Code knows defaults.
    if (client === 'claude-code') return `\${${variable}${at === -1 ? '' : withoutKind.slice(at)}}`;
    if (client === 'claude-desktop' || client === 'gemini') return `\${${variable}}`;
    return `\${env:${variable}}`;
  });
}
