// Where answers come from: the server that opened this page, or what a saved page brings with it.

export type Query = Record<string, string | number>;

/** A number, or the name of one that JSON cannot write: "NaN", "Infinity". */
export type Figure = number | string;

export interface Signal {
  name: string;
  function: string;
}

export interface Pass {
  name: string;
  cell: string;
  summary: string;
  equations: string[];
  reverse: boolean;
  units: number;
  /** A unit that is worth looking at. */
  first: number;
  inputs: number;
  memory: string;
  gates: string[];
  signals: Signal[];
}

export interface Track {
  name: string;
  kind: "tokens" | "labels" | "curves" | "frames";
  names: string[];
  shape: number[];
  /** Elements to ask for at once. */
  piece: number;
}

export interface About {
  title: string;
  right: boolean;
  error: Figure;
  tolerance: number;
  steps: number;
  starts: number[];
  notes: Record<string, unknown>;
  columns: number;
  factor: number;
  orders: string[];
  /** How many scores, or without them outputs of the last layer, all directions together. */
  outputs: number;
  /** The names of the scores of a step; none if the model has none. */
  scores: string[];
  passes: Pass[];
  tracks: Track[];
}

declare global {
  interface Window {
    recorded?: Record<string, string>;
  }
}

/** Whether this is a saved page, which knows what it was given and no more. */
export const saved = window.recorded !== undefined;

const token = new URLSearchParams(location.search).get("token") ?? "";

export function key(question: string, query: Query): string {
  const names = Object.keys(query).sort();
  return `${question}?${names.map((name) => `${name}=${encodeURIComponent(query[name])}`).join("&")}`;
}

export async function bytes(question: string, query: Query = {}): Promise<ArrayBuffer> {
  const asked = key(question, query);
  if (window.recorded) {
    const found = window.recorded[asked];
    if (found === undefined) throw new Error("a saved page tells the details of one unit and of the first steps alone");
    return Uint8Array.from(atob(found), (each) => each.charCodeAt(0)).buffer;
  }
  const answer = await fetch(`api/${asked}`, { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.arrayBuffer();
}

export async function ask<T>(question: string, query: Query = {}): Promise<T> {
  return JSON.parse(new TextDecoder().decode(await bytes(question, query))) as T;
}
