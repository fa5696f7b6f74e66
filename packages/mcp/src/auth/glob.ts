/** A pattern in which `*` stands for any characters, none included; every other character stands for itself. */
export interface Glob {
  matches(text: string): boolean;
  /** Whether it could match some text that begins with `beginning`. */
  matchesBeginning(beginning: string): boolean;
}

/** Longer patterns are refused where they are read. */
export const MAX_GLOB_LENGTH = 256;

/** Reads a pattern. Matching takes each character of the text once for each part between stars, and never goes back. */
export function createGlob(pattern: string): Glob {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) {
    return {
      matches: (text) => text === pattern,
      matchesBeginning: (beginning) => pattern.startsWith(beginning),
    };
  }
  return {
    matches: (text) => {
      if (text.length < first.length + last.length) return false;
      if (!text.startsWith(first) || !text.endsWith(last)) return false;
      const end = text.length - last.length;
      let at = first.length;
      for (const part of rest) {
        const found = text.indexOf(part, at);
        if (found === -1 || found + part.length > end) return false;
        at = found + part.length;
      }
      return true;
    },
    matchesBeginning: (beginning) => first.startsWith(beginning) || beginning.startsWith(first),
  };
}
