// An answer of the server, for a panel: asked again when what it depends on has changed.

import { useEffect, useState } from "preact/hooks";
import { Query, ask, key } from "./source";

/**
 * The answer; null while it is on its way, an error if there is none.
 *
 * With `keeping`, what was answered last stays until the new answer has come.
 */
export function useAnswer<T>(question: string, query: Query, keeping = false): T | Error | null {
  const asked = key(question, query);
  const [found, keep] = useState<{ asked: string; answer: T | Error } | null>(null);
  useEffect(() => {
    let here = true;
    ask<T>(question, query)
      .catch((error: Error) => error)
      .then((answer) => here && keep({ asked, answer }));
    return () => {
      here = false;
    };
  }, [asked]);
  return found && (keeping || found.asked === asked) ? found.answer : null;
}
