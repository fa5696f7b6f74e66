import type { ServerRequest } from '../upstream/upstream.ts';

/** The question, and word of its end: answered, or not wanted any more. */
export function noticedQuestion(question: ServerRequest, ended: () => void): ServerRequest {
  let open = true;
  const end = (): void => {
    if (open) ended();
    open = false;
  };
  return {
    method: question.method,
    paramsText: question.paramsText,
    respond: (answer) => {
      end();
      question.respond(answer);
    },
    progress: (text) => question.progress?.(text),
    onCancelled: (listener) =>
      question.onCancelled(() => {
        end();
        listener();
      }),
  };
}
