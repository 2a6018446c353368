// A signal as a picture: units by time.

import { TimeCanvas, x } from "./canvas";
import { themed } from "./colours";
import { figure } from "./figure";
import { Signal } from "./source";
import { about, end, go, pass, permutation, rank, start, step, tall, unit, width } from "./state";
import { arrived, columnsOf, picture, scaleOf, stride } from "./tiles";

const MEANINGS: Record<string, string> = {
  i: "input gate: how much to write",
  f: "forget gate: how much to keep",
  g: "candidate: what to write",
  o: "output gate: how much to show",
  c: "cell state: the long-term memory",
  h: "hidden state: what the layer says",
};
/** Pixels that a picture is high, if it is not tall. */
const HIGH = 128;

/** How many units share a row, and how high that is. */
function rows(units: number, isTall: boolean): { group: number; count: number; size: number } {
  const group = isTall ? 1 : Math.ceil(units / HIGH);
  const count = Math.ceil(units / group);
  return { group, count, size: Math.max(Math.floor((isTall ? 4 * HIGH : HIGH) / count), isTall ? 3 : 1) };
}

export function HeatMap({ signal }: { signal: Signal }) {
  const isTall = tall.value === signal.name;
  const scale = (void arrived.value, scaleOf(signal.name));
  const { group, count, size } = rows(scale?.width ?? pass.value.units, isTall);
  const isMemory = signal.name in MEANINGS ? MEANINGS[signal.name] : signal.function;
  const ends = scale ? `${figure(scale.low, 2)} to ${figure(scale.high, 2)}` : "";

  const draw = (context: CanvasRenderingContext2D, wide: number, high: number) => {
    void [arrived.value, permutation.value];
    if (!pass.value.signals.some(({ name }) => name === signal.name)) return; // the layer has just changed
    const levels = scaleOf(signal.name)?.levels;
    if (levels === undefined) return;
    const perPixel = (end.value - start.value) / wide;
    const level = Math.min(Math.max(Math.ceil(Math.log(perPixel) / Math.log(about.value!.factor)), 0), levels - 1);
    context.imageSmoothingEnabled = false;
    cover(context, signal.name, levels - 1, group, high);
    if (level < levels - 1) cover(context, signal.name, level, group, high);
    const place = rank.value[unit.value] ?? 0;
    context.strokeStyle = themed("cross");
    context.lineWidth = 1;
    context.strokeRect(-1, Math.floor(place / group) * size - 0.5, wide + 2, size + 1);
  };

  return (
    <div class="row">
      <div class="gutter">
        <button
          class="signal"
          title={isTall ? "Show all signals alike" : "Show this signal larger"}
          aria-pressed={isTall}
          onClick={() => (tall.value = isTall ? "" : signal.name)}
        >
          {signal.name}
        </button>
        <small>{isMemory}</small>
        <small class={`legend ${scale && scale.low < 0 ? "signed" : "rising"}`} aria-hidden="true" />
        <small>{ends}</small>
      </div>
      <TimeCanvas
        key={`${count * size}`}
        name={`${signal.name} of ${pass.value.name}, ${scale?.width ?? ""} units by time, ${ends}`}
        height={count * size}
        draw={draw}
        chosen={(y) => go(step.value, permutation.value[Math.min(Math.floor(y / size) * group, permutation.value.length - 1)])}
      />
    </div>
  );
}

/** Lay the pictures of one level over the steps that are seen. */
function cover(context: CanvasRenderingContext2D, name: string, level: number, group: number, high: number): void {
  const { columns, steps } = about.value!;
  const wide = stride(level);
  const first = Math.floor(start.value / wide / columns);
  const last = Math.floor((Math.min(end.value, steps) - 1e-9) / wide / columns);
  for (let number = first; number <= last; number++) {
    const found = picture(name, level, number, group);
    if (!found) continue;
    const from = number * columns * wide;
    const count = columnsOf(level, number);
    context.drawImage(found, x(from), 0, (count * wide * width.value) / (end.value - start.value), high);
  }
}
