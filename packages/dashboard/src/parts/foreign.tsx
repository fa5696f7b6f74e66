import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { formatCount } from '../model/format.ts';
import { cutText, textPieces } from '../model/safe-text.ts';

function Pieces({ text }: { readonly text: string }): JSX.Element {
  return (
    <>
      {textPieces(text).map((piece, index) =>
        piece.kind === 'plain' ? (
          piece.text
        ) : (
          <span class="odd" key={index} title={piece.name}>
            {piece.code}
          </span>
        ),
      )}
    </>
  );
}

/** A short text from elsewhere: on its own in its direction, and nothing in it invisible. */
export function Foreign({ text }: { readonly text: string }): JSX.Element {
  return (
    <bdi>
      <Pieces text={cutText(text, 500).text} />
    </bdi>
  );
}

interface LongTextProps {
  readonly text: string;
  /** Characters shown before "more". */
  readonly max: number;
  /** Characters shown after it. Default: 200,000. */
  readonly most?: number;
  /** What this is, for the button's name. */
  readonly what: string;
  readonly class?: string;
  readonly isCode?: boolean;
}

/** A long text from elsewhere, with its line breaks; cut, with a button for more. */
export function LongText(props: LongTextProps): JSX.Element {
  const { text, max, most = 200_000, what } = props;
  const [isOpen, setIsOpen] = useState(false);
  // A few words more are no reason for a button.
  const isLong = text.length > max * 1.25;
  const shown = cutText(text, isOpen || !isLong ? most : max);
  return (
    <div class={`long ${props.class ?? ''}`}>
      <Body isCode={props.isCode === true} what={what}>
        <Pieces text={shown.text} />
        {shown.isCut && '…'}
      </Body>
      {isLong && (
        <button
          type="button"
          class="quiet"
          aria-expanded={isOpen}
          aria-label={`${isOpen ? 'Less' : 'More'} of ${what}`}
          onClick={() => {
            setIsOpen(!isOpen);
          }}
        >
          {isOpen ? 'less' : `more (${formatCount(text.length - max)} characters)`}
        </button>
      )}
      {isOpen && shown.isCut && <p class="note">The rest is too long to be shown here.</p>}
    </div>
  );
}

interface BodyProps {
  readonly isCode: boolean;
  readonly what: string;
  readonly children: ComponentChildren;
}

function Body({ isCode, what, children }: BodyProps): JSX.Element {
  const text = <bdi>{children}</bdi>;
  if (!isCode) return <p class="foreign">{text}</p>;
  return (
    <pre class="foreign" tabIndex={0} role="region" aria-label={what}>
      {text}
    </pre>
  );
}
