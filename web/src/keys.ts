// Everything by the keyboard.

import { TABS, about, by, dark, end, go, look, nextUnit, pass, passNumber, range, start, step, tab, welcome, zoomed } from "./state";

const FAR = 10;

/** What each key does, for those who press and for those who read. */
export const KEYS: { keys: string[]; shown: string; does: string; run: (event: KeyboardEvent) => void }[] = [
  { keys: ["ArrowLeft"], shown: "←", does: "a step back (shift: ten)", run: (event) => go(step.value - far(event)) },
  { keys: ["ArrowRight"], shown: "→", does: "a step on (shift: ten)", run: (event) => go(step.value + far(event)) },
  { keys: ["ArrowUp"], shown: "↑", does: "the unit above (shift: ten)", run: (event) => nextUnit(-far(event)) },
  { keys: ["ArrowDown"], shown: "↓", does: "the unit below (shift: ten)", run: (event) => nextUnit(far(event)) },
  { keys: ["+", "="], shown: "+", does: "zoom in at the cross-hair", run: () => zoomed(0.5) },
  { keys: ["-"], shown: "-", does: "zoom out", run: () => zoomed(2) },
  { keys: ["["], shown: "[", does: "half a page back", run: () => pan(-0.5) },
  { keys: ["]"], shown: "]", does: "half a page on", run: () => pan(0.5) },
  { keys: ["0"], shown: "0", does: "all steps", run: () => look(0, about.value!.steps) },
  { keys: ["Home"], shown: "Home", does: "the first step", run: () => go(0) },
  { keys: ["End"], shown: "End", does: "the last step", run: () => go(about.value!.steps - 1) },
  { keys: ["m"], shown: "m", does: "mark the first, then the last step of a range", run: mark },
  { keys: ["o"], shown: "o", does: "the next order of units", run: () => (by.value = next(about.value!.orders, by.value)) },
  { keys: ["p"], shown: "p", does: "the next layer or direction", run: nextPass },
  { keys: ["t"], shown: "t", does: "dark or light", run: () => (dark.value = !dark.value) },
  { keys: ["?"], shown: "?", does: "this list", run: () => (welcome.value = !welcome.value) },
  { keys: ["Escape"], shown: "Esc", does: "close this list", run: () => (welcome.value = false) },
  ...TABS.map((name, n) => {
    const key = n < 9 ? `${n + 1}` : name[0];
    return { keys: [key], shown: key, does: name, run: () => void (tab.value = name) };
  }),
];

function far(event: KeyboardEvent): number {
  return event.shiftKey ? FAR : 1;
}

function pan(share: number): void {
  const by = share * (end.value - start.value);
  look(start.value + by, end.value + by);
}

function next<T>(all: T[], now: T): T {
  return all[(all.indexOf(now) + 1) % all.length];
}

function nextPass(): void {
  passNumber.value = (passNumber.value + 1) % about.value!.passes.length;
  go(step.value, pass.value.first);
}

let marked: number | null = null;

function mark(): void {
  if (marked === null) {
    marked = step.value;
    range.value = [step.value, step.value + 1];
  } else {
    range.value = [Math.min(marked, step.value), Math.max(marked, step.value) + 1];
    marked = null;
    tab.value = "find";
  }
}

export function listen(): void {
  addEventListener("keydown", (event) => {
    const inside = event.target instanceof HTMLElement && event.target.matches("input, select, textarea");
    if (inside || event.ctrlKey || event.metaKey || event.altKey || !about.value) return;
    const found = KEYS.find(({ keys }) => keys.includes(event.key));
    if (found) {
      event.preventDefault();
      found.run(event);
    }
  });
}
