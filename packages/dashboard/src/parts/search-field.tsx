import type { JSX } from 'preact';
import { useId } from 'preact/hooks';

interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onSearch: (text: string) => void;
}

/** The field that `/` goes to. */
export function SearchField({ label, value, onSearch }: SearchFieldProps): JSX.Element {
  const id = useId();
  return (
    <div class="search">
      <label for={id} class="hidden">
        {label}
      </label>
      <input
        id={id}
        type="search"
        data-search
        placeholder={label}
        autocomplete="off"
        spellcheck={false}
        aria-keyshortcuts="/"
        value={value}
        onInput={(event) => {
          onSearch(event.currentTarget.value);
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}
