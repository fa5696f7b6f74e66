import { containerScan, type ContainerScan } from './container-scan.ts';
import { afterValue } from './json-strict.ts';

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** Shorter texts are looked through as soon in JavaScript. */
export const COMPILED_BYTES = 1_024;

/**
 * What finds the ends of the arrays and objects of a text sooner than `afterValue`, by the bytes it was made of.
 * @returns undefined where characters and bytes are not one and the same, the text is short, or there is no WebAssembly.
 */
export function textContainers(
  text: string,
  bytes: Buffer,
  compiledBytes: number = COMPILED_BYTES,
): ContainerScan | undefined {
  // No character takes fewer bytes than it has units in a string: where all together are as many, each has one.
  return bytes.length > compiledBytes && text.length === bytes.length
    ? containerScan(bytes)
    : undefined;
}

/** As `afterValue`, which it is for what is no array or object. */
export function afterValueIn(
  text: string,
  at: number,
  depth: number,
  containers: ContainerScan | undefined,
): number {
  if (containers === undefined) return afterValue(text, at, depth);
  const c = text.charCodeAt(at);
  const isContainer = c === OPEN_BRACE || c === OPEN_BRACKET;
  return (isContainer ? containers.after(at, depth) : undefined) ?? afterValue(text, at, depth);
}
