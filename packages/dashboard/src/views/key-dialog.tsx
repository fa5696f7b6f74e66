import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { Drawer } from '../parts/drawer.tsx';
import { usePage } from '../parts/page-context.ts';
import { useStore } from '../parts/use-store.ts';

/** Asks for a key while the gateway wants one. */
export function KeyDialog(): JSX.Element | null {
  const { access } = usePage();
  const now = useStore(access);
  return now.kind === 'wanted' ? <Question key={now.why} why={now.why} /> : null;
}

function Question({ why }: { readonly why: string }): JSX.Element {
  const { access, keys, feed } = usePage();
  const [key, setKey] = useState('');
  const id = useId();
  const close = (): void => {
    access.set({ kind: 'open' });
  };
  const use = (event: Event): void => {
    event.preventDefault();
    // Only what a header can carry; the rest of what was pasted is no part of a key.
    const clean = key.replaceAll(/[^\x21-\x7e]/g, '');
    if (clean === '') return;
    keys.keep(clean);
    close();
    feed.reconnect();
  };
  return (
    <Drawer title="Access key" onClose={close} isSmall>
      <form onSubmit={use}>
        <p role="alert">{why}</p>
        <div class="field">
          <label for={id}>Key</label>
          <input
            id={id}
            type="password"
            autofocus
            autocomplete="off"
            spellcheck={false}
            value={key}
            onInput={(event) => {
              setKey(event.currentTarget.value);
            }}
          />
          <p class="note">It is kept in this tab only, until the tab is closed.</p>
        </div>
        <div class="actions">
          <button type="submit" class="main">
            Use this key
          </button>
        </div>
      </form>
    </Drawer>
  );
}
