import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import {
  draftItems,
  draftMembers,
  draftOf,
  type Draft,
  type FormProblem,
} from '../model/form-draft.ts';
import type { Field } from '../model/schema-field.ts';
import { Foreign, LongText } from '../parts/foreign.tsx';
import { ScalarInput } from './scalar-input.tsx';

interface FormProps {
  readonly field: Field;
  readonly draft: Draft;
  readonly problems: readonly FormProblem[];
  readonly onChange: (draft: Draft) => void;
}

interface PartProps extends FormProps {
  readonly path: string;
}

/** The form of a schema. */
export function SchemaForm(props: FormProps): JSX.Element {
  const { field } = props;
  if (field.kind === 'object' && field.fields.length === 0) {
    return <p class="empty">This takes no arguments.</p>;
  }
  return (
    <div class="schema-form">
      {field.kind === 'object' ? (
        <Members {...props} field={field} path="" />
      ) : (
        <Part {...props} path="" />
      )}
    </div>
  );
}

/** What is wrong with what was typed, said at once to those who cannot see the marks. */
export function FormProblems({
  problems,
}: {
  readonly problems: readonly FormProblem[];
}): JSX.Element {
  return (
    <div role="alert" class={problems.length === 0 ? 'hidden' : 'trouble'}>
      {problems.map(({ path, why }) => (
        <p key={path}>
          <b>
            <Foreign text={path || 'The text'} />
          </b>{' '}
          {why}.
        </p>
      ))}
    </div>
  );
}

function Part(props: PartProps): JSX.Element {
  const { field, draft, path, problems, onChange } = props;
  if (field.kind === 'object') {
    return (
      <Group field={field}>
        <Members {...props} field={field} />
      </Group>
    );
  }
  if (field.kind === 'list') {
    return (
      <Group field={field}>
        <Items {...props} field={field} />
      </Group>
    );
  }
  const problem = problems.find((one) => one.path === path);
  return <ScalarInput field={field} draft={draft} problem={problem?.why} onChange={onChange} />;
}

function Group(props: { readonly field: Field; readonly children: JSX.Element }): JSX.Element {
  const { field } = props;
  const id = useId();
  return (
    <fieldset {...(field.description !== '' && { 'aria-describedby': id })}>
      <legend>
        <Foreign text={field.title} />
        {field.isRequired && <span class="needed"> needed</span>}
      </legend>
      {field.description !== '' && (
        <div id={id} class="note">
          <LongText text={field.description} max={200} what={`the description of ${field.title}`} />
        </div>
      )}
      {props.children}
    </fieldset>
  );
}

function Members(props: PartProps & { readonly field: Field & { kind: 'object' } }): JSX.Element {
  const { field, draft, path, problems, onChange } = props;
  const drafts = draftMembers(draft);
  return (
    <>
      {field.fields.map(({ key, field: inner }) => (
        <Part
          key={key}
          field={inner}
          draft={drafts[key] ?? ''}
          path={path === '' ? key : `${path}.${key}`}
          problems={problems}
          onChange={(next) => {
            onChange({ ...drafts, [key]: next });
          }}
        />
      ))}
    </>
  );
}

function Items(props: PartProps & { readonly field: Field & { kind: 'list' } }): JSX.Element {
  const { field, draft, path, problems, onChange } = props;
  const drafts = draftItems(draft);
  const title = `${field.title} ${drafts.length + 1}`;
  return (
    <div class="items">
      {drafts.map((one, index) => (
        // An item is its place: it has nothing else to be known by.
        <div class="item" key={index}>
          <Part
            field={{ ...field.item, title: `${field.title} ${index + 1}` }}
            draft={one}
            path={`${path}.${index}`}
            problems={problems}
            onChange={(next) => {
              onChange(drafts.with(index, next));
            }}
          />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove ${field.title} ${index + 1}`}
            onClick={() => {
              onChange(drafts.toSpliced(index, 1));
            }}
          >
            Remove
          </button>
        </div>
      ))}
      <button
        type="button"
        disabled={drafts.length >= field.maxItems}
        aria-label={`Add ${title}`}
        onClick={() => {
          onChange([...drafts, draftOf(field.item)]);
        }}
      >
        Add
      </button>
    </div>
  );
}
