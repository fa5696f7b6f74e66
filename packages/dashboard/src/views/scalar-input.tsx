import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import { draftText, type Draft } from '../model/form-draft.ts';
import { visibleText } from '../model/safe-text.ts';
import type { Field } from '../model/schema-field.ts';
import { Foreign, LongText } from '../parts/foreign.tsx';

interface ScalarInputProps {
  readonly field: Field;
  readonly draft: Draft;
  readonly problem: string | undefined;
  readonly onChange: (draft: string) => void;
}

/** One input with its label, description and what is wrong with it. */
export function ScalarInput(props: ScalarInputProps): JSX.Element {
  const { field, problem } = props;
  const id = useId();
  const about = `${id}-about`;
  const hint = [field.kind === 'json' ? `JSON: ${field.why}` : '', field.hint]
    .filter(Boolean)
    .join('; ');
  return (
    <div class={problem === undefined ? 'field' : 'field wrong'}>
      <label for={id}>
        <Foreign text={field.title} />
        {field.isRequired && <span class="needed"> needed</span>}{' '}
        <span class="type">{typeWord(field)}</span>
      </label>
      <Control {...props} id={id} about={about} />
      <div id={about} class="note">
        {problem !== undefined && <p class="bad">{`This ${problem}.`}</p>}
        {hint !== '' && (
          <p>
            <Foreign text={hint} />
          </p>
        )}
        {field.description !== '' && (
          <LongText text={field.description} max={240} what={`the description of ${field.title}`} />
        )}
      </div>
    </div>
  );
}

function typeWord(field: Field): string {
  if (field.kind === 'number') return field.isInteger ? 'whole number' : 'number';
  return field.kind === 'json' ? '' : field.kind;
}

interface ControlProps extends ScalarInputProps {
  readonly id: string;
  readonly about: string;
}

function optionText(value: unknown): string {
  return visibleText(typeof value === 'string' ? value : JSON.stringify(value));
}

function choicesOf(field: Field): readonly (readonly [value: string, text: string])[] {
  if (field.kind === 'boolean') {
    return [
      ['true', 'true'],
      ['false', 'false'],
    ];
  }
  if (field.kind !== 'choice') return [];
  return field.options.map((one, index) => [String(index), optionText(one)]);
}

function Control({ field, draft, problem, onChange, id, about }: ControlProps): JSX.Element {
  const shared = {
    id,
    'aria-describedby': about,
    'aria-required': field.isRequired,
    'aria-invalid': problem !== undefined,
    value: draftText(draft),
  } as const;
  const onInput = (event: { readonly currentTarget: { readonly value: string } }): void => {
    onChange(event.currentTarget.value);
  };
  if (field.kind === 'boolean' || field.kind === 'choice') {
    return (
      <select {...shared} onChange={onInput}>
        {!(field.isRequired && field.kind === 'boolean') && <option value="">not set</option>}
        {choicesOf(field).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    );
  }
  if (field.kind === 'json' || (field.kind === 'text' && field.isLong)) {
    const isCode = field.kind === 'json';
    return (
      <textarea
        {...shared}
        class={isCode ? 'code' : ''}
        rows={3}
        spellcheck={false}
        onInput={onInput}
      />
    );
  }
  const inputMode = field.kind === 'number' ? 'decimal' : 'text';
  return (
    <input
      {...shared}
      type="text"
      inputMode={inputMode}
      autocomplete="off"
      spellcheck={false}
      onInput={onInput}
    />
  );
}
