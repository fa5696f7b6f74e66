import { useMemo, useState } from 'preact/hooks';
import {
  draftOf,
  draftValue,
  textValue,
  type Draft,
  type FormProblem,
} from '../model/form-draft.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { schemaField, type Field } from '../model/schema-field.ts';
import type { Tool } from '../model/tools.ts';

export const ARGUMENT_TABS = ['Form', 'JSON', 'Definition'] as const;
export type ArgumentTab = (typeof ARGUMENT_TABS)[number];

/** The arguments of a call while they are typed, as a form and as JSON; what is in one is taken along to the other. */
export interface ToolArguments {
  readonly field: Field;
  readonly tab: ArgumentTab;
  readonly draft: Draft;
  readonly text: string;
  readonly problems: readonly FormProblem[];
  readonly choose: (tab: ArgumentTab) => void;
  readonly setDraft: (draft: Draft) => void;
  readonly setText: (text: string) => void;
  /** The arguments, or undefined when something is wrong with them, which `problems` says then. */
  readonly take: () => JsonObject | undefined;
}

export function useArguments(tool: Tool): ToolArguments {
  const field = useMemo(() => schemaField(tool.inputSchema), [tool]);
  const [tab, setTab] = useState<ArgumentTab>('Form');
  const [draft, setDraft] = useState<Draft>(() => draftOf(field));
  const [text, setText] = useState<string>();
  const [problems, setProblems] = useState<readonly FormProblem[]>([]);
  const fromForm = (): string => JSON.stringify(draftValue(field, draft).value, undefined, 2);
  return {
    field,
    tab,
    draft,
    text: text ?? fromForm(),
    problems,
    setText,
    setDraft(next) {
      setDraft(next);
      setText(undefined);
    },
    choose(next) {
      setProblems([]);
      setTab(next);
      if (tab !== 'JSON' || text === undefined) return;
      // What was typed as JSON and is none stays there, and the form as it was.
      const { value, problems: wrong } = textValue(text);
      if (wrong.length === 0) setDraft(draftOf(field, value));
    },
    take() {
      const taken = tab === 'JSON' ? textValue(text ?? fromForm()) : draftValue(field, draft);
      setProblems(taken.problems);
      return taken.problems.length === 0 && isObject(taken.value) ? taken.value : undefined;
    },
  };
}
