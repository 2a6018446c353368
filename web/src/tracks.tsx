// What stands beside the signals: tokens, labels, curves and frames, on the same axis.

import { signal } from "@preact/signals";
import { TimeCanvas, x } from "./canvas";
import { labelled, themed } from "./colours";
import { Track, bytes } from "./source";
import { about, dark, end, start, trying, zoom } from "./state";

const arrived = signal(0);
const pieces = new Map<string, ArrayBuffer | null>();

/** Pixels that a text needs, and a frame. */
const [LETTER, FRAME] = [7, 44];
const HEIGHTS = { tokens: 20, labels: 16, curves: 44, frames: FRAME };

/** A piece of a track, one of every `stride` steps; null until it is there. */
function piece(number: number, at: number, stride: number): ArrayBuffer | null {
  const key = `${number}/${at}/${stride}`;
  if (!pieces.has(key)) {
    pieces.set(key, null);
    const wide = about.value!.tracks[number].piece * stride;
    const query = { number, start: at * wide, end: Math.min((at + 1) * wide, about.value!.steps), stride };
    trying(
      bytes("track", query).then((content) => {
        pieces.set(key, content);
        arrived.value++;
      }),
    );
  }
  return pieces.get(key) ?? null;
}

/** What a track says at a step, if it has arrived. */
export function said(number: number, at: number): string {
  void arrived.value;
  const track = about.value!.tracks[number];
  const content = piece(number, Math.floor(at / track.piece), 1);
  if (!content || track.kind === "frames") return "";
  const place = at % track.piece;
  if (track.kind !== "curves") return track.names[new Int32Array(content)[place]];
  // Curves come as their smallest, then their largest.
  const found = new Float32Array(content, 4 * place * track.names.length, track.names.length);
  return [...found].map((value, n) => (found.length > 1 ? `${track.names[n]} ` : "") + value.toPrecision(3)).join(", ");
}

/** Run over what is seen: for each piece, its first step and its content. */
function seen(number: number, stride: number, draw: (from: number, content: ArrayBuffer) => void): void {
  const last = Math.min(end.value, about.value!.steps) - 1e-9;
  const wide = about.value!.tracks[number].piece * stride;
  for (let at = Math.floor(start.value / wide); at <= Math.floor(last / wide); at++) {
    const content = piece(number, at, stride);
    if (content) draw(at * wide, content);
  }
}

/** The largest power of four that still gives an element for so many pixels. */
function strideFor(pixels: number): number {
  return 4 ** Math.max(Math.floor(Math.log(pixels / zoom.value) / Math.log(4)), 0);
}

type Context = CanvasRenderingContext2D;

function drawTokens(context: Context, high: number, number: number, names: string[]): void {
  context.textBaseline = "middle";
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = themed("ink");
  if (zoom.value < LETTER) {
    context.fillStyle = themed("faint");
    context.fillText("zoom in to read", 6, high / 2);
    return;
  }
  seen(number, 1, (from, content) => {
    new Int32Array(content).forEach((token, n) => {
      const at = x(from + n);
      if (at > -200 && at < context.canvas.width) {
        context.save();
        context.beginPath();
        context.rect(at, 0, zoom.value, high);
        context.clip();
        const text = visible(names[token]);
        // A letter is squeezed, for half of an m is an n; of a word the beginning is shown.
        context.fillText(text, at + 1, high / 2, text.length === 1 ? zoom.value - 1 : undefined);
        context.restore();
      }
    });
  });
}

/** A text of which one sees that it is there. */
export function visible(text: string): string {
  return text === " " ? "␣" : text.replace(/\n/g, "⏎").replace(/\t/g, "⇥");
}

function drawLabels(context: Context, high: number, number: number, names: string[]): void {
  const stride = strideFor(1);
  context.textBaseline = "middle";
  context.font = "11px system-ui, sans-serif";
  seen(number, stride, (from, content) => {
    const values = new Int32Array(content);
    for (let n = 0, begin = 0; n < values.length; n++) {
      if (n + 1 < values.length && values[n + 1] === values[begin]) continue;
      const [left, right] = [x(from + begin * stride), x(from + (n + 1) * stride)];
      if (right > 0) {
        context.fillStyle = labelled(values[begin], dark.value);
        context.fillRect(left, 0, right - left, high);
        const name = names[values[begin]];
        if (right - left > LETTER * name.length) {
          context.fillStyle = themed("ink");
          context.fillText(name, Math.max(left, 0) + 3, high / 2);
        }
      }
      begin = n + 1;
    }
  });
}

function drawCurves(context: Context, high: number, number: number, names: string[]): void {
  const stride = strideFor(1);
  let [least, most] = [Infinity, -Infinity];
  seen(number, stride, (_, content) => {
    for (const value of new Float32Array(content)) {
      if (Number.isFinite(value)) [least, most] = [Math.min(least, value), Math.max(most, value)];
    }
  });
  const y = (value: number) => high - 3 - ((value - least) / (most - least || 1)) * (high - 6);
  seen(number, stride, (from, content) => {
    const values = new Float32Array(content);
    const half = values.length / 2;
    context.lineWidth = 1;
    names.forEach((_, curve) => {
      context.strokeStyle = names.length > 1 ? labelled(curve, true) : themed("ink");
      context.beginPath();
      for (let n = curve; n < half; n += names.length) {
        const at = x(from + (Math.floor(n / names.length) + 0.5) * stride);
        context.lineTo(at, y(values[n]));
        context.lineTo(at, y(values[half + n]));
      }
      context.stroke();
    });
  });
  if (least <= most) {
    context.font = "10px system-ui, sans-serif";
    context.textBaseline = "top";
    context.strokeStyle = themed("soft");
    context.lineWidth = 3;
    context.fillStyle = themed("faint");
    for (const [text, top] of [[most.toPrecision(3), 2], [least.toPrecision(3), high - 11]] as const) {
      context.strokeText(text, 2, top); // a rim, so that it can be read over the curve
      context.fillText(text, 2, top);
    }
  }
}

function drawFrames(context: Context, high: number, number: number, [tall, wide]: number[]): void {
  const shown = (high * wide) / tall;
  const stride = strideFor(shown);
  const every = Math.max(Math.ceil(shown / (zoom.value * stride)), 1);
  seen(number, stride, (from, content) => {
    const grey = new Uint8Array(content);
    for (let n = 0; n * tall * wide < grey.length; n += every) {
      const at = x(from + n * stride);
      if (at + shown < 0 || at > context.canvas.width) continue;
      const picture = document.createElement("canvas");
      [picture.width, picture.height] = [wide, tall];
      const image = new ImageData(wide, tall);
      const pixels = new Uint32Array(image.data.buffer);
      for (let k = 0; k < pixels.length; k++) pixels[k] = 0xff000000 | (grey[n * tall * wide + k] * 0x010101);
      picture.getContext("2d")!.putImageData(image, 0, 0);
      context.drawImage(picture, at, 0, shown - 1, high);
    }
  });
}

export function TrackRow({ track, number }: { track: Track; number: number }) {
  const draw = (context: Context, _: number, high: number) => {
    void arrived.value;
    if (track.kind === "tokens") drawTokens(context, high, number, track.names);
    if (track.kind === "labels") drawLabels(context, high, number, track.names);
    if (track.kind === "curves") drawCurves(context, high, number, track.names);
    if (track.kind === "frames") drawFrames(context, high, number, track.shape);
  };
  return (
    <div class="row">
      <div class="gutter">
        <small class="track">{track.name}</small>
      </div>
      <TimeCanvas name={`${track.name}: ${track.kind} by time`} height={HEIGHTS[track.kind]} draw={draw} />
    </div>
  );
}
