// What is looked at.

import { batch, computed, signal } from "@preact/signals";
import { About, Pass } from "./source";

export const TABS = ["cell", "memory", "health", "gradients", "ledger", "find", "force", "why", "share", "lesson"] as const;
export type Tab = (typeof TABS)[number];

export const METHODS = {
  integrated: "gradients along the way from the mean input to this one; they sum up to the change of the output",
  gradient: "the gradient here, times the input",
  occlusion: "how much the output falls if a step is the mean input instead",
};
export type Method = keyof typeof METHODS;

export const about = signal<About | null>(null);
export const failure = signal("");
/** Whether the self-check has failed, and nobody has said yet that the page is to be shown nonetheless. */
export const doubted = signal(false);
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
/** What the view "force" forces: a signal, "" for the memory, to a value as it was typed. */
export const forced = signal({ name: "", value: "0" });
/** What the view "why" explains, and how. */
export const explained = signal<{ output: number; method: Method }>({ output: 0, method: "integrated" });
export const chapter = signal(0);
/** What the sliders of the lesson say, of the unit and step at which they were moved. */
export const slid = signal<{ place: string; leaves: Record<string, number> }>({ place: "", leaves: {} });
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
/** The unit and the step at the cross-hair. */
export const place = computed(() => `${passNumber.value}/${step.value}/${unit.value}`);
/** What the sliders of the lesson say here. */
export const leaves = computed(() => (slid.value.place === place.value ? slid.value.leaves : {}));
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

/** Run something that may fail; its sentence is shown. */
export function trying(work: Promise<unknown>): void {
  work.catch((error: Error) => (failure.value = error.message));
}
