import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { draftOf, draftValue, type Draft, type FormProblem } from '../model/form-draft.ts';
import { inputRequests, withResponses, type InputRequest } from '../model/input-requests.ts';
import type { JsonObject } from '../model/json.ts';
import { schemaField, type Field } from '../model/schema-field.ts';
import { Foreign, LongText } from '../parts/foreign.tsx';
import { JsonView } from '../parts/json-view.tsx';
import { FormProblems, SchemaForm } from './schema-form.tsx';

interface InputQuestionsProps {
  readonly result: JsonObject;
  /** Called with what the repeated call has to carry. */
  readonly onAnswer: (extra: JsonObject) => void;
}

interface Question {
  readonly request: InputRequest;
  /** Undefined when this page cannot answer it. */
  readonly field: Field | undefined;
}

type Action = 'accept' | 'decline' | 'cancel';
const ACTIONS: readonly (readonly [Action, string])[] = [
  ['accept', 'Answer'],
  ['decline', 'Decline'],
  ['cancel', 'Cancel'],
];

function questionsOf(result: JsonObject): readonly Question[] {
  return inputRequests(result).map((request) => {
    const { schema } = request;
    return { request, field: schema && schemaField(schema) };
  });
}

/** The questions of a server that wants to know more before it answers. */
export function InputQuestions({ result, onAnswer }: InputQuestionsProps): JSX.Element {
  const questions = useMemo(() => questionsOf(result), [result]);
  const [drafts, setDrafts] = useState<Readonly<Record<string, Draft>>>({});
  const [problems, setProblems] = useState<readonly FormProblem[]>([]);
  const answer = (action: Action): void => {
    const wrong: FormProblem[] = [];
    const entries = questions.map(({ request, field }) => {
      if (action !== 'accept' || field === undefined) return [request.key, { action }];
      const taken = draftValue(field, drafts[request.key] ?? draftOf(field));
      wrong.push(...taken.problems);
      return [request.key, { action, content: taken.value }];
    });
    setProblems(wrong);
    if (wrong.length === 0) onAnswer(withResponses(result, Object.fromEntries(entries)));
  };
  return (
    <div class="panel questions">
      {questions.map((question) => (
        <QuestionForm
          key={question.request.key}
          question={question}
          draft={drafts[question.request.key]}
          problems={problems}
          onChange={(draft) => {
            setDrafts({ ...drafts, [question.request.key]: draft });
          }}
        />
      ))}
      <FormProblems problems={problems} />
      {questions.every(({ field }) => field !== undefined) ? (
        <div class="actions">
          {ACTIONS.map(([action, word]) => (
            <button
              type="button"
              key={action}
              class={action === 'accept' ? 'main' : ''}
              onClick={() => {
                answer(action);
              }}
            >
              {word}
            </button>
          ))}
        </div>
      ) : (
        <p class="note">This page cannot answer that.</p>
      )}
    </div>
  );
}

interface QuestionFormProps {
  readonly question: Question;
  readonly draft: Draft | undefined;
  readonly problems: readonly FormProblem[];
  readonly onChange: (draft: Draft) => void;
}

function QuestionForm({ question, draft, problems, onChange }: QuestionFormProps): JSX.Element {
  const { request, field } = question;
  return (
    <div>
      <p class="muted">
        Asked by the server: <Foreign text={request.method} />
      </p>
      <LongText text={request.message} max={600} what="the question" />
      {field === undefined ? (
        <JsonView value={request.json} what="the question" />
      ) : (
        <SchemaForm
          field={field}
          draft={draft ?? draftOf(field)}
          problems={problems}
          onChange={onChange}
        />
      )}
    </div>
  );
}
