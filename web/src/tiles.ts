// Pictures of signals: fetched once, painted once, then only moved.

import { signal } from "@preact/signals";
import { palette } from "./colours";
import { ask, bytes } from "./source";
import { about, by, dark, ordered, passNumber, permutation, trying } from "./state";

export interface Scale {
  low: number;
  high: number;
  levels: number;
  width: number;
}

/** Grows when something has arrived, so that what is drawn can be drawn anew. */
export const arrived = signal(0);

const scales = new Map<string, Scale | null>();
const fetched = new Map<string, Uint8Array | null>();
const painted = new Map<string, HTMLCanvasElement>();
const MOST_FETCHED = 300;
const MOST_PAINTED = 80;
/** Bytes by which an extreme must stand out from the mean of its cell to be shown in its place. */
const SPIKE = 48;

function forget<T>(map: Map<string, T>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}

/** The scale of a signal, if it is known yet. */
export function scaleOf(name: string): Scale | null {
  const key = `${passNumber.value}/${name}`;
  if (!scales.has(key)) {
    scales.set(key, null);
    const query = { pass: passNumber.value, signal: name };
    trying(
      ask<Scale>("scale", query).then((scale) => {
        scales.set(key, scale);
        arrived.value++;
      }),
    );
  }
  return scales.get(key) ?? null;
}

function tileOf(name: string, level: number, number: number): Uint8Array | null {
  const query = { pass: passNumber.value, signal: name, level, number };
  const key = Object.values(query).join("/");
  if (!fetched.has(key)) {
    fetched.set(key, null);
    forget(fetched, MOST_FETCHED);
    trying(
      bytes("tile", query).then((content) => {
        fetched.set(key, new Uint8Array(content));
        arrived.value++;
      }),
    );
  }
  return fetched.get(key) ?? null;
}

/** Steps in a column. */
export function stride(level: number): number {
  return about.value!.factor ** level;
}

/** Columns of a tile. */
export function columnsOf(level: number, number: number): number {
  const { steps, columns } = about.value!;
  return Math.min(Math.ceil(steps / stride(level)) - number * columns, columns);
}

/** A tile as a picture with a row for every `group` units; null until it is there. */
export function picture(name: string, level: number, number: number, group: number): HTMLCanvasElement | null {
  const key = [passNumber.value, name, level, number, group, by.value, dark.value].join("/");
  const found = painted.get(key);
  if (found) return found;
  const scale = scaleOf(name);
  const content = tileOf(name, level, number);
  const current = ordered.value.order === `${passNumber.value}/${by.value}`;
  if (!scale || !content || !current || permutation.value.length < scale.width) return null;
  const order = permutation.value.length === scale.width ? permutation.value : Int32Array.from(Array(scale.width).keys());
  const canvas = paint(content, columnsOf(level, number), order, group, palette(scale.low < 0, dark.value));
  painted.set(key, canvas);
  forget(painted, MOST_PAINTED);
  return canvas;
}

/** Paint `[planes, units, columns]`. Where a cell is several values, a spike is shown, else their mean. */
function paint(
  content: Uint8Array,
  columns: number,
  order: Int32Array,
  group: number,
  colours: Uint32Array,
): HTMLCanvasElement {
  const rows = Math.ceil(order.length / group);
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const plane = order.length * columns;
  const several = content.length > plane;
  for (let row = 0; row < rows; row++) {
    const units = order.subarray(row * group, (row + 1) * group);
    for (let column = 0; column < columns; column++) {
      let [low, high, sum, none] = [255, 0, 0, false];
      for (const unit of units) {
        const at = unit * columns + column;
        const least = content[at];
        const middle = several ? content[at + plane] : least;
        const most = several ? content[at + 2 * plane] : least;
        none ||= middle === 0;
        low = Math.min(low, least);
        high = Math.max(high, most);
        sum += middle;
      }
      const mean = Math.round(sum / units.length);
      const extreme = high - mean > mean - low ? high : low;
      pixels[row * columns + column] = colours[none ? 0 : Math.abs(extreme - mean) > SPIKE ? extreme : mean];
    }
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}
