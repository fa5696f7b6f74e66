import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';

interface DrawerProps {
  readonly title: ComponentChildren;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** A small one in the middle instead of one at the side. */
  readonly isSmall?: boolean;
}

/** A modal dialog: the browser keeps the focus in it, and gives it back when it is closed. */
export function Drawer({ title, onClose, children, isSmall }: DrawerProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    // What had the focus gets it back even when the page around it was drawn again meanwhile.
    const before = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  useEffect(() => {
    const element = dialog.current;
    const onCancel = (event: Event): void => {
      event.preventDefault();
      onClose();
    };
    const onClick = (event: MouseEvent): void => {
      if (event.target === element) onClose();
    };
    element?.addEventListener('cancel', onCancel);
    element?.addEventListener('click', onClick);
    return () => {
      element?.removeEventListener('cancel', onCancel);
      element?.removeEventListener('click', onClick);
    };
  }, [onClose]);
  return (
    <dialog ref={dialog} class={isSmall ? 'drawer small' : 'drawer'} aria-labelledby={id}>
      <div class="drawer-inside">
        <header class="drawer-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet" onClick={onClose}>
            Close
          </button>
        </header>
        <div class="drawer-body">{children}</div>
      </div>
    </dialog>
  );
}
