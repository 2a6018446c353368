// What is looked at. Everything that a link should bring back is here, and in the address.

import { batch, computed, effect, signal } from "@preact/signals";
import { About, Pass, ask } from "./source";

export const TABS = ["cell", "memory", "health", "gradients", "ledger", "find", "force", "why", "share", "lesson"] as const;
export type Tab = (typeof TABS)[number];

export const about = signal<About | null>(null);
export const failure = signal("");
export const passNumber = signal(0);
export const start = signal(0);
export const end = signal(1);
export const step = signal(0);
export const unit = signal(0);
export const by = signal("index");
export const tab = signal<Tab>("cell");
export const hidden = signal<ReadonlySet<string>>(new Set());
export const tall = signal("");
export const range = signal<[number, number] | null>(null);
export const searched = signal("");
export const dark = signal(matchMedia("(prefers-color-scheme: dark)").matches);
export const welcome = signal(true);
export const width = signal(800);
/** The units in the order that is shown, and which order of which layer that is. */
export const ordered = signal({ order: "", units: new Int32Array(0) });
export const permutation = computed(() => ordered.value.units);

export const pass = computed<Pass>(() => about.value!.passes[passNumber.value]);
export const rank = computed(() => {
  const found = new Int32Array(permutation.value.length);
  permutation.value.forEach((unit, place) => (found[unit] = place));
  return found;
});
/** Pixels for each step. */
export const zoom = computed(() => width.value / (end.value - start.value));

const LEAST = 4;

/** Look at some steps: at least four, at most all. */
export function look(from: number, to: number): void {
  const steps = about.value!.steps;
  const wide = Math.min(Math.max(to - from, Math.min(LEAST, steps)), steps);
  const first = Math.min(Math.max(from, 0), steps - wide);
  batch(() => {
    start.value = first;
    end.value = first + wide;
  });
}

/** Zoom by a factor, so that one step stays where it is. */
export function zoomed(factor: number, around = step.value + 0.5): void {
  const share = (around - start.value) / (end.value - start.value);
  const wide = (end.value - start.value) * factor;
  look(around - share * wide, around + (1 - share) * wide);
}

/** Put the cross-hair somewhere, and make sure that it can be seen. */
export function go(newStep: number, newUnit = unit.value): void {
  batch(() => {
    step.value = Math.min(Math.max(Math.round(newStep), 0), about.value!.steps - 1);
    unit.value = Math.min(Math.max(newUnit, 0), pass.value.units - 1);
    const wide = end.value - start.value;
    if (step.value < start.value) look(step.value - wide / 4, step.value + (3 * wide) / 4);
    if (step.value + 1 > end.value) look(step.value - (3 * wide) / 4, step.value + wide / 4);
  });
}

/** The next unit in the order that is shown. */
export function nextUnit(by: number): void {
  const place = Math.min(Math.max(rank.value[unit.value] + by, 0), permutation.value.length - 1);
  go(step.value, permutation.value[place]);
}

const WRITTEN = { pass: passNumber, step, unit, by, tab } as const;

/** The view as the part of the address behind #. */
export function written(): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(WRITTEN)) found.set(name, `${value.value}`);
  found.set("from", start.value.toFixed(2));
  found.set("to", end.value.toFixed(2));
  if (hidden.value.size) found.set("hidden", [...hidden.value].join(" "));
  if (tall.value) found.set("tall", tall.value);
  if (range.value) found.set("range", range.value.join("-"));
  if (searched.value) found.set("search", searched.value);
  return found.toString();
}

function whole(text: string | null, most: number): number | undefined {
  return text !== null && /^\d+$/.test(text) && Number(text) <= most ? Number(text) : undefined;
}

/** Take up a view; what is no view is left out. */
export function restored(text: string): void {
  const given = new URLSearchParams(text);
  const known = about.value!;
  batch(() => {
    passNumber.value = whole(given.get("pass"), known.passes.length - 1) ?? passNumber.value;
    step.value = whole(given.get("step"), known.steps - 1) ?? step.value;
    unit.value = whole(given.get("unit"), pass.value.units - 1) ?? 0;
    if (known.orders.includes(given.get("by") ?? "")) by.value = given.get("by")!;
    if (TABS.includes(given.get("tab") as Tab)) tab.value = given.get("tab") as Tab;
    const names = pass.value.signals.map((each) => each.name);
    hidden.value = new Set((given.get("hidden") ?? "").split(" ").filter((name) => names.includes(name)));
    tall.value = names.includes(given.get("tall") ?? "") ? given.get("tall")! : "";
    if (names.includes(given.get("search") ?? "")) searched.value = given.get("search")!;
    range.value = null;
    const [from, to] = (given.get("range") ?? "").split("-").map((each) => whole(each, known.steps));
    if (from !== undefined && to !== undefined && from < to) range.value = [from, to];
    const [first, last] = [Number(given.get("from") ?? NaN), Number(given.get("to") ?? NaN)];
    if (first < last) look(first, last);
  });
}

/** Run something that may fail; its sentence is shown. */
export function trying(work: Promise<unknown>): void {
  work.catch((error: Error) => (failure.value = error.message));
}

/** Ask what there is, take up the view of the address, and keep the address up to date. */
export async function begin(): Promise<void> {
  const found = await ask<About>("about");
  batch(() => {
    about.value = found;
    look(0, Math.min(found.steps, 400));
    unit.value = found.passes[0].first;
    if (location.hash) {
      restored(location.hash.slice(1));
      welcome.value = false;
    }
    searched.value ||= "h";
  });
  document.title = `${found.title} - Cellwright`;
  effect(() => {
    const query = { pass: passNumber.value, by: by.value };
    const order = `${query.pass}/${query.by}`;
    trying(
      ask<number[]>("order", query).then((units) => {
        if (order === `${passNumber.peek()}/${by.peek()}`) ordered.value = { order, units: Int32Array.from(units) };
      }),
    );
  });
  let waiting = 0;
  effect(() => {
    const text = written();
    clearTimeout(waiting);
    waiting = window.setTimeout(() => history.replaceState(null, "", `#${text}`), 200);
  });
  effect(() => {
    document.documentElement.dataset.theme = dark.value ? "dark" : "light";
  });
  addEventListener("hashchange", () => restored(location.hash.slice(1)));
}
