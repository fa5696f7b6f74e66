/** One event of a stream (WHATWG HTML, server-sent events). */
export interface SseEvent {
  /** `message` unless the stream says otherwise. */
  readonly name: string;
  readonly data: string;
}

export interface SseReader {
  /** Takes the next piece of text and returns the events that it completes. @throws RangeError above `maxLength` */
  push(text: string): readonly SseEvent[];
}

/** An overview of 10,000 connectors is some 20 million characters. */
const MAX_LENGTH = 64 * 1024 * 1024;

/** Reads events from text that comes in pieces of any size; lines end with LF, CR LF or CR. */
export function createSseReader(maxLength = MAX_LENGTH): SseReader {
  let rest: string[] = [];
  let restLength = 0;
  let endedWithCr = false;
  let name = '';
  let data: string[] = [];
  let dataLength = 0;

  function take(line: string, events: SseEvent[]): void {
    if (line === '') {
      if (data.length > 0) events.push({ name: name || 'message', data: data.join('\n') });
      name = '';
      data = [];
      dataLength = 0;
      return;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') name = value;
    if (field !== 'data') return;
    data.push(value);
    dataLength += value.length;
  }

  return {
    push(text) {
      const events: SseEvent[] = [];
      // The LF of a CR LF whose CR came with the piece before ends no second line.
      let from = endedWithCr && text.startsWith('\n') ? 1 : 0;
      if (text !== '') endedWithCr = text.endsWith('\r');
      const ends = /\r\n|\n|\r/g;
      ends.lastIndex = from;
      for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
        rest.push(text.slice(from, end.index));
        take(rest.length === 1 ? (rest[0] ?? '') : rest.join(''), events);
        rest = [];
        restLength = 0;
        from = ends.lastIndex;
      }
      if (from < text.length) {
        rest.push(text.slice(from));
        restLength += text.length - from;
      }
      if (restLength + dataLength > maxLength) {
        throw new RangeError(`An event of the stream is longer than ${maxLength} characters.`);
      }
      return events;
    },
  };
}
