import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Foreign, LongText } from '../parts/foreign.tsx';

async function readText(code: string): Promise<string> {
  try {
    const { errorTexts } = await import('virtual:error-texts');
    return Object.hasOwn(errorTexts, code)
      ? (errorTexts[code] ?? '')
      : 'The documentation has no entry for this code.';
  } catch {
    // The gateway is away, or was replaced by one with other files.
    return 'The text could not be loaded. Reload the page.';
  }
}

/** What the documentation says of an error, for those who want to know: the entry of docs/errors.md. */
export function ErrorText({ code }: { readonly code: string }): JSX.Element {
  const [isOpen, setIsOpen] = useState(false);
  const [text, setText] = useState('Reading…');
  useEffect(() => {
    if (isOpen) void readText(code).then(setText);
  }, [code, isOpen]);
  return (
    <details
      class="error-text"
      onToggle={(event) => {
        setIsOpen(event.currentTarget.open);
      }}
    >
      <summary>
        What <Foreign text={code} /> means <code>docs/errors.md#{code.toLowerCase()}</code>
      </summary>
      {isOpen && <LongText text={text} max={2000} what="the documentation" />}
    </details>
  );
}
