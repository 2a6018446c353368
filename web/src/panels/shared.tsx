// What several panels need.

import { ComponentChildren } from "preact";
import { said, visible } from "../tracks";
import { about, go, step } from "../state";
import { saved } from "../source";

/** An answer that is on its way, or an error, in place of what it would be shown as. */
export function Answered<T>({ answer, children }: { answer: T | Error | null; children: (found: T) => ComponentChildren }) {
  if (answer === null) return <p class="faint">Working it out …</p>;
  if (answer instanceof Error) return <p class={saved ? "faint" : "error"}>{answer.message}</p>;
  return <>{children(answer)}</>;
}

/** A step that can be gone to, with what stands there. */
export function StepLink({ step, unit }: { step: number; unit?: number }) {
  const first = about.value!.tracks.findIndex((each) => each.kind === "tokens");
  return (
    <button class="link" onClick={() => go(step, unit)}>
      {step}
      {first >= 0 && <em> {visible(said(first, step))}</em>}
    </button>
  );
}

/** A unit that can be gone to. */
export function UnitLink({ unit }: { unit: number }) {
  return (
    <button class="link" onClick={() => go(step.peek(), unit)}>
      unit {unit}
    </button>
  );
}
