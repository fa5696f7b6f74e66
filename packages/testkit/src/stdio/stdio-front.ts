import { PassThrough, Writable, type Readable } from 'node:stream';
import type { FaultPlan } from '../fault-plan.ts';
import type { Crash, StdioFault } from '../fault.ts';
import { asJsonObject, type JsonObject } from '../json-object.ts';
import { createDelayLine } from './delay-line.ts';
import { createLineSplitter } from './line-splitter.ts';
import { createStdioOutput, type StdioOutput } from './stdio-output.ts';

export interface StdioFrontOptions {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly closeStdout: () => void;
  /** The plan to ask, read anew for every line. */
  readonly plan: () => FaultPlan<StdioFault>;
  readonly latencyMs: number;
  readonly onRequest: (method: string | undefined) => void;
  /** Told that the process must end now. */
  readonly crash: (fault: Crash) => void;
}

/** The streams for the real server, and the end of the front's own timers. */
export interface StdioFront {
  readonly stdin: Readable;
  readonly stdout: Writable;
  stop(): void;
}

function parse(line: string): JsonObject {
  try {
    return asJsonObject(JSON.parse(line));
  } catch {
    // Not JSON: the real server deals with it.
    return {};
  }
}

interface Hands {
  readonly crash: (fault: Crash) => void;
  readonly output: StdioOutput;
}

const keyOf = (id: unknown): string => JSON.stringify(id ?? null);

/** Faults that the front deals with alone; true when the real server is not asked. */
function playWithoutServer(fault: StdioFault, id: unknown, { crash, output }: Hands): boolean {
  switch (fault.kind) {
    case 'hang-before-headers':
    case 'never-handshake':
      return true;
    case 'crash':
      crash(fault);
      return true;
    case 'oversize':
      output.oversize(id, fault.bytes);
      return true;
    case 'reset':
      if (fault.at === 'mid-body') return false;
      output.faulty(fault, '');
      return true;
    case 'hang-mid-body':
    case 'slow-bytes':
    case 'odd-content':
      break;
  }
  return false;
}

/** Stands between the client's pipes and the real server: counts lines, adds latency, plays faults. */
export function createStdioFront(options: StdioFrontOptions): StdioFront {
  const toServer = new PassThrough();
  const output = createStdioOutput(options.stdout, options.closeStdout);
  const hands = { crash: options.crash, output };
  const faultyAnswers = new Map<string, StdioFault>();
  const delay = createDelayLine(options.latencyMs, (line) => toServer.write(`${line}\n`));

  function onInput(line: string): void {
    const message = parse(line);
    const method = typeof message['method'] === 'string' ? message['method'] : undefined;
    options.onRequest(method);
    const isRequest = method !== undefined && message['id'] !== undefined;
    const fault = options.plan().next({ method, isRequest, hasSession: false });
    if (fault !== undefined && playWithoutServer(fault, message['id'], hands)) return;
    if (fault !== undefined) faultyAnswers.set(keyOf(message['id']), fault);
    delay.push(line);
  }

  function onOutput(line: string): void {
    const message = faultyAnswers.size === 0 ? {} : parse(line);
    const key = keyOf(message['id']);
    const fault = 'method' in message ? undefined : faultyAnswers.get(key);
    if (fault === undefined) {
      output.line(line);
      return;
    }
    faultyAnswers.delete(key);
    output.faulty(fault, line);
  }

  const splitOutput = createLineSplitter(onOutput);
  options.stdin.on('data', createLineSplitter(onInput));
  options.stdin.once('end', () => toServer.end());
  return {
    stdin: toServer,
    stdout: new Writable({
      write(chunk: Buffer, _encoding, done) {
        splitOutput(chunk);
        done();
      },
    }),
    stop() {
      output.stop();
      delay.stop();
    },
  };
}
