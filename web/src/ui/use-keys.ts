import { useEffect, useLayoutEffect, useRef } from 'react';

const typing = 'input,textarea,select,[role=dialog],[role=alertdialog]';

/**
 * Single keys that do something on a page; not while somebody types or a dialog is open. The handler says whether it took the key, and always
 * acts on what is shown: it is exchanged with the page itself, not a moment later.
 */
export const useKeys = (onKey: (key: string, e: KeyboardEvent) => boolean, options: { first?: boolean } = {}) => {
  const handler = useRef(onKey);
  const capture = options.first ?? false;
  useLayoutEffect(() => { handler.current = onKey; });
  useEffect(() => {
    const listen = (e: KeyboardEvent) => {
      if (e.metaKey || e.ctrlKey || e.altKey || e.defaultPrevented || (e.target as HTMLElement).closest(typing)) return;
      if (handler.current(e.key, e)) e.preventDefault();
    };
    addEventListener('keydown', listen, { capture });
    return () => removeEventListener('keydown', listen, { capture });
  }, [capture]);
};
