import { alterAnswer } from '../alter-answer.ts';
import type { AnyOddForm } from '../fault.ts';
import { createPacedWriter } from '../paced-writer.ts';
import type { BodyShape, FrontResponse } from './front-response.ts';

const DEFAULT_AFTER_BYTES = 10;

/** Lets the first bytes of the body through, then calls `then` once and swallows the rest. */
export function stopAfter(
  response: FrontResponse,
  bytes: number | undefined,
  then: () => void,
): BodyShape {
  let left = bytes ?? DEFAULT_AFTER_BYTES;
  let writing = 0;
  let isOver = false;
  // Only when the bytes are with the kernel: a reset would overtake them.
  const settle = (): void => {
    if (writing === 0 && isOver) then();
  };
  return {
    head: 'pass',
    write(chunk) {
      if (left <= 0) return;
      const part = chunk.subarray(0, left);
      left -= part.length;
      writing += 1;
      response.sendRaw(part, () => {
        writing -= 1;
        isOver ||= left === 0;
        settle();
      });
    },
    end() {
      isOver = true;
      settle();
    },
  };
}

/** Sends the body at a bounded rate. */
export function pace(response: FrontResponse, bytesPerSecond: number): BodyShape {
  const writer = createPacedWriter(bytesPerSecond, (chunk) => response.sendRaw(chunk));
  response.once('close', () => writer.stop());
  return {
    head: 'pass',
    write: (chunk) => writer.write(chunk),
    end: () => writer.write(Buffer.alloc(0), () => response.endRaw()),
  };
}

function splitEvents(text: string): readonly string[] {
  return text.split(/(?<=\n\n)/u);
}

function eventData(event: string): string {
  return event
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice('data:'.length).trimStart())
    .join('\n');
}

function isAnswer(json: string): boolean {
  return /"(?:result|error)"\s*:/u.test(json);
}

/** Collects the answer, whether it comes as JSON or as the last event of a stream, and sends it changed, as JSON. */
export function alter(response: FrontResponse, form: AnyOddForm | 'wrong-content-type'): BodyShape {
  const chunks: Buffer[] = [];
  return {
    head: 'hold',
    write: (chunk) => chunks.push(chunk),
    end() {
      const body = Buffer.concat(chunks).toString();
      const isStream = String(response.getHeader('content-type')).startsWith('text/event-stream');
      const answer = isStream ? splitEvents(body).map(eventData).findLast(isAnswer) : body;
      const contentTypes: Record<string, string> = {
        html: 'text/html',
        'wrong-content-type': 'text/plain',
      };
      response.removeHeader('content-length');
      response.setHeader('content-type', contentTypes[form] ?? 'application/json');
      const text = answer ?? '';
      response.endRaw(form === 'wrong-content-type' ? text : alterAnswer(form, text));
    },
  };
}

/** Makes an event stream of the answer that ends before the result; events before it are passed on. */
export function cutStream(response: FrontResponse): BodyShape {
  let pending = '';
  let cut = false;
  const isStream = (): boolean =>
    String(response.getHeader('content-type')).startsWith('text/event-stream');

  function open(): void {
    if (response.headersSent) return;
    // A short stream may come with the length of the whole, for whose rest a client would wait.
    response.removeHeader('content-length');
    if (isStream()) return;
    response.statusCode = 200;
    response.setHeader('content-type', 'text/event-stream');
    cut = true;
    response.endRaw(': cut\n\n');
  }

  return {
    head: 'hold',
    write(chunk) {
      open();
      if (cut) return;
      const events = splitEvents(pending + chunk.toString());
      pending = events.at(-1)?.endsWith('\n\n') === true ? '' : (events.at(-1) ?? '');
      for (const event of events.filter((text) => text.endsWith('\n\n'))) {
        if (cut) return;
        cut = isAnswer(eventData(event));
        if (cut) response.endRaw();
        else response.sendRaw(event);
      }
    },
    end() {
      open();
      if (!cut) response.endRaw();
    },
  };
}
