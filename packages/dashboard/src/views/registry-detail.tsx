import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { readRegistryServer, type RegistryServer } from '../live/registry-client.ts';
import { routeHash } from '../model/route.ts';
import { Drawer } from '../parts/drawer.tsx';
import { Facts } from '../parts/facts.tsx';
import { Foreign, LongText } from '../parts/foreign.tsx';
import { JsonView } from '../parts/json-view.tsx';
import { usePage } from '../parts/page-context.ts';

interface RegistryDetailProps {
  readonly name: string;
  /** As far as the list behind has it; otherwise it is asked for. */
  readonly known: RegistryServer | undefined;
}

function close(): void {
  location.hash = routeHash('registry');
}

export function RegistryDetail({ name, known }: RegistryDetailProps): JSX.Element {
  const { fetch } = usePage();
  const [found, setFound] = useState<RegistryServer | undefined>(known);
  const [said, setSaid] = useState('Reading…');
  useEffect(() => {
    if (known !== undefined) {
      setFound(known);
      return undefined;
    }
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      try {
        setFound(await readRegistryServer(fetch, name, abort.signal));
        setSaid('The registry has no server of this name.');
      } catch {
        // What fetch says of it is different in every browser.
        setSaid('The gateway could not be reached.');
      }
    };
    void read();
    return () => {
      abort.abort();
    };
  }, [fetch, name, known]);
  return (
    <Drawer title={<Foreign text={name} />} onClose={close}>
      {found === undefined ? <p class="empty">{said}</p> : <Detail one={found} />}
    </Drawer>
  );
}

function Detail({ one }: { readonly one: RegistryServer }): JSX.Element {
  return (
    <>
      {one.title !== undefined && (
        <p class="state-line">
          <Foreign text={one.title} />
        </p>
      )}
      <LongText text={one.description} max={1000} what="the description" />
      <Facts
        facts={[
          ['Version', <Foreign text={one.version} />],
          ['Status', <Foreign text={one.status} />],
          ['By', <Foreign text={one.ways.join(', ') || '–'} />],
        ]}
      />
      <h3>Entry</h3>
      <JsonView value={one.json} what="the entry" />
    </>
  );
}
