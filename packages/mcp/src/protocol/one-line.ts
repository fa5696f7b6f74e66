/**
 * JSON text without raw line breaks, for a line of a pipe or a frame of an event stream. Outside strings they are white
 * space, and inside strings JSON allows none, so a space says the same (MCP spec, basic/transports/stdio: no embedded
 * newlines).
 */
export function oneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replaceAll(/[\r\n]/g, ' ') : json;
}

/** As `oneLine` of UTF-8, which never has these bytes inside a character. A copy where there is a line break. */
export function oneLineBytes(bytes: Buffer): Buffer {
  if (!bytes.includes(0x0a) && !bytes.includes(0x0d)) return bytes;
  const copy = Buffer.from(bytes);
  for (let i = 0; i < copy.length; i += 1) {
    if (copy[i] === 0x0a || copy[i] === 0x0d) copy[i] = 0x20;
  }
  return copy;
}
