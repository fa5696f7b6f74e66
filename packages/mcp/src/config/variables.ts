import { basename, sep } from 'node:path';
import type { Environment } from './environment.ts';

/** What `${…}` in a connector entry can stand for. */
export interface VariableScope {
  readonly env: Environment;
  readonly home: string;
  /** The folder that the configuration belongs to. */
  readonly workspaceFolder: string;
  /** Values of VS Code `inputs` that have a default and are no secrets, by id. */
  readonly inputs: ReadonlyMap<string, string>;
}

/** The text with its references replaced, and the references for which there was no value. */
export interface Expansion {
  readonly text: string;
  readonly unresolved: readonly string[];
}

const REFERENCE = /\$\{([^{}]*)\}/g;
const NAME = /^[A-Za-z_]\w*$/;

function builtIn(name: string, scope: VariableScope): string | undefined {
  switch (name) {
    case 'userHome':
      return scope.home;
    case 'workspaceFolder':
      return scope.workspaceFolder;
    case 'workspaceFolderBasename':
      return basename(scope.workspaceFolder);
    case 'pathSeparator':
    case '/':
      return sep;
    default:
      return undefined;
  }
}

function resolve(reference: string, scope: VariableScope): string | undefined {
  const known = builtIn(reference, scope);
  if (known !== undefined) return known;
  if (reference.startsWith('input:')) return scope.inputs.get(reference.slice('input:'.length));
  const withDefault = reference.indexOf(':-');
  const head = withDefault === -1 ? reference : reference.slice(0, withDefault);
  const prefixed = head.startsWith('env:');
  const name = prefixed ? head.slice('env:'.length) : head;
  if (!prefixed && !NAME.test(name)) return undefined;
  const value = scope.env[name];
  // As in a shell, `:-` covers empty as well as unset.
  if (withDefault !== -1 && (value === undefined || value === '')) {
    return reference.slice(withDefault + 2);
  }
  return value;
}

/**
 * Replaces `${VAR}`, `${VAR:-default}`, `${env:VAR}`, `${input:id}`, `${userHome}`, `${workspaceFolder}`,
 * `${workspaceFolderBasename}` and `${pathSeparator}` (Claude Code, Cursor and VS Code spellings). Values are
 * taken as they are: what they contain is not expanded again.
 */
export function expandVariables(text: string, scope: VariableScope): Expansion {
  const unresolved: string[] = [];
  const expanded = text.replaceAll(REFERENCE, (whole, reference: string) => {
    const value = resolve(reference.trim(), scope);
    if (value === undefined) unresolved.push(whole);
    return value ?? whole;
  });
  return { text: expanded, unresolved };
}

/** True when the text refers to a variable, resolvable or not. */
export function hasReference(text: string): boolean {
  return text.search(REFERENCE) !== -1;
}
