// The view in the address, behind #: a link brings it back.

import { batch, effect } from "@preact/signals";
import { About, ask } from "./source";
import {
  METHODS,
  Method,
  TABS,
  Tab,
  about,
  by,
  chapter,
  dark,
  doubted,
  end,
  explained,
  forced,
  hidden,
  leaves,
  look,
  ordered,
  pass,
  passNumber,
  place,
  range,
  searched,
  slid,
  start,
  step,
  tab,
  tall,
  trying,
  unit,
  welcome,
} from "./state";

/** Steps that are shown at first, and so many that texts beside them can be read. */
const [FIRST, READABLE] = [400, 60];
const WRITTEN = { pass: passNumber, step, unit, by, tab } as const;

/** Whether there is an address; a page in the frame of a notebook has none. */
export const addressed = location.protocol !== "about:";

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
  if (forced.value.name) found.set("force", forced.value.name);
  if (forced.value.value !== "0") found.set("value", forced.value.value);
  if (explained.value.output) found.set("output", `${explained.value.output}`);
  if (explained.value.method !== "integrated") found.set("method", explained.value.method);
  if (chapter.value) found.set("chapter", `${chapter.value}`);
  for (const [leaf, value] of Object.entries(leaves.value)) found.append("leaf", `${leaf} ${value}`);
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
    forced.value = {
      name: names.includes(given.get("force") ?? "") ? given.get("force")! : "",
      value: Number.isFinite(Number(given.get("value") || NaN)) ? given.get("value")! : "0",
    };
    explained.value = {
      output: whole(given.get("output"), known.outputs - 1) ?? 0,
      method: Object.hasOwn(METHODS, given.get("method") ?? "") ? (given.get("method") as Method) : "integrated",
    };
    chapter.value = whole(given.get("chapter"), names.length + 1) ?? 0;
    const found = given.getAll("leaf").map((each) => /^(\w+ \w+) (\S+)$/.exec(each));
    const moved = found.filter((each) => each !== null && Number.isFinite(Number(each[2])));
    slid.value = { place: place.value, leaves: Object.fromEntries(moved.map((each) => [each![1], Number(each![2])])) };
    range.value = null;
    const [from, to] = (given.get("range") ?? "").split("-").map((each) => whole(each, known.steps));
    if (from !== undefined && to !== undefined && from < to) range.value = [from, to];
    const [first, last] = [Number(given.get("from") ?? NaN), Number(given.get("to") ?? NaN)];
    if (first < last) look(first, last);
  });
}

/** Ask what there is, take up the view of the address, and keep the address up to date. */
export async function begin(): Promise<void> {
  const found = await ask<About>("about");
  batch(() => {
    about.value = found;
    doubted.value = !found.right;
    look(0, Math.min(found.steps, found.tracks.some((each) => each.kind === "tokens") ? READABLE : FIRST));
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
    if (addressed) waiting = window.setTimeout(() => history.replaceState(null, "", `#${text}`), 200);
  });
  effect(() => {
    document.documentElement.dataset.theme = dark.value ? "dark" : "light";
  });
  addEventListener("hashchange", () => restored(location.hash.slice(1)));
}
