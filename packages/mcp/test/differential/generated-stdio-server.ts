import { readFileSync } from 'node:fs';
import { createAnswers } from './generated-answers.ts';
import type { GeneratedSpec } from './generated-spec.ts';
import { parseJson } from './raw-peer.ts';

// A generated server as a process of its own, revision 2025-11-25: the specification is in the file named first.
const [, , file = ''] = process.argv;
const spec = JSON.parse(readFileSync(file, 'utf8')) as GeneratedSpec;
const answers = createAnswers(spec, false, () => undefined);
let rest = '';
process.stdin.setEncoding('utf8').on('data', (chunk: string) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const request = parseJson(line);
    if (!('id' in request)) continue;
    for (const message of answers(request).messages) process.stdout.write(`${message}\n`);
  }
});
