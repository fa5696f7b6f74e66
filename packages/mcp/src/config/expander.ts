import { oneLine } from './config-error.ts';
import { expandVariables, type VariableScope } from './variables.ts';

/** A text with its variables replaced. */
export interface ExpandedText {
  readonly text: string;
  /** It holds `${file:/path}`, which is read when the connector is connected. */
  readonly late: boolean;
}

/** Replaces the variables in the texts of one connector, and remembers what stood in the way. */
export interface Expander {
  expand(text: string): string;
  /** As `expand`, but references to files stay. */
  expandLate(text: string): ExpandedText;
  /** What stood in the way first, in one line. */
  problem(): string | undefined;
}

const FILE_REFERENCE = /(\$\{\s*file:\/[^{}]*\})/;

function describeUnresolved(reference: string): string {
  const body = reference.slice(2, -1).trim();
  if (body.startsWith('input:')) {
    const variable = body.slice('input:'.length).toUpperCase().replaceAll(/\W+/g, '_');
    return `${reference} has no value: nothing is asked here, so write \${env:${variable}} and set ${variable}`;
  }
  const name = /^(?:env:)?([A-Za-z_]\w*)$/.exec(body)?.[1];
  return name === undefined
    ? `${reference} is no variable that is known here`
    : `${reference} has no value: set ${name} or write \${${name}:-default}`;
}

/** The text with what each reference to a file stands for hidden. */
export function hideFileReferences(text: string): string {
  const parts = text.split(FILE_REFERENCE);
  return parts.map((part, index) => (index % 2 === 0 ? part : '***')).join('');
}

/** Makes one for the texts of one connector. */
export function createExpander(scope: VariableScope): Expander {
  const unresolved = new Set<string>();
  let other: string | undefined;
  const expand = (text: string): string => {
    const expansion = expandVariables(text, scope);
    for (const reference of expansion.unresolved) unresolved.add(reference);
    if (expansion.text.includes('\0')) other ??= 'a value holds a NUL character';
    return expansion.text;
  };
  return {
    expand,
    expandLate: (text) => {
      // Every second part is a reference.
      const parts = text.split(FILE_REFERENCE);
      if (parts.length === 1) return { text: expand(text), late: false };
      const expanded = parts.map((part, index) => (index % 2 === 0 ? expand(part) : part));
      // What a value contains is not expanded again, and here it would be.
      const nested = expanded.some((part, index) => index % 2 === 0 && part.includes('${'));
      if (nested) other ??= 'the value of a variable beside a ${file:…} holds another reference';
      return { text: expanded.join(''), late: true };
    },
    problem: () => {
      const [first] = unresolved;
      if (first === undefined) return other;
      const more = unresolved.size === 1 ? '' : ` (and ${unresolved.size - 1} more)`;
      return oneLine(describeUnresolved(first) + more);
    },
  };
}
