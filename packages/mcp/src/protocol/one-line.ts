/**
 * JSON text without raw line breaks, for a line of a pipe or a frame of an event stream. Outside strings they are white
 * space, and inside strings JSON allows none, so a space says the same (MCP spec, basic/transports/stdio: no embedded
 * newlines).
 */
export function oneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replaceAll(/[\r\n]/g, ' ') : json;
}
