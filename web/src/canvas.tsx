// A canvas over the axis of time: sharp on every screen, drawn when what it shows has changed, moved by the pointer.

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { about, dark, end, go, look, range, start, step, width, zoom, zoomed } from "./state";
import { themed } from "./colours";

type Draw = (context: CanvasRenderingContext2D, wide: number, high: number) => void;

interface Given {
  name: string;
  height: number;
  draw: Draw;
  /** What a click at some pixel from the top means, beside the step. */
  chosen?: (y: number) => void;
}

/** Pixels that the pointer may move before a click is a drag. */
const STILL = 3;

/** From steps to pixels. */
export function x(at: number): number {
  return (at - start.value) * zoom.value;
}

export function TimeCanvas({ name, height, draw, chosen }: Given) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawing = useRef(draw);
  drawing.current = draw;

  useEffect(() => {
    // What is drawn reads signals: drawn inside of an effect, it is drawn again when one of them changes.
    return effect(() => {
      const ratio = devicePixelRatio;
      const context = canvas.current!.getContext("2d")!;
      canvas.current!.width = Math.round(width.value * ratio);
      canvas.current!.height = Math.round(height * ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      void dark.value;
      drawing.current(context, width.value, height);
      marks(context, height);
    });
  }, [height]);

  const at = (event: PointerEvent | WheelEvent) => start.value + event.offsetX / zoom.value;
  const from = useRef<{ step: number; x: number; start: number; moved: boolean; select: boolean } | null>(null);

  return (
    <canvas
      ref={canvas}
      class="time"
      style={{ height: `${height}px` }}
      role="img"
      aria-label={name}
      data-name={name}
      onWheel={(event) => {
        event.preventDefault();
        if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
          const by = (event.deltaX || event.deltaY) / zoom.value;
          look(start.value + by, end.value + by);
        } else zoomed(Math.exp(event.deltaY / 400), at(event));
      }}
      onPointerDown={(event) => {
        canvas.current!.setPointerCapture(event.pointerId);
        from.current = { step: at(event), x: event.offsetX, start: start.value, moved: false, select: event.shiftKey };
      }}
      onPointerMove={(event) => {
        const began = from.current;
        if (!began) return;
        began.moved ||= Math.abs(event.offsetX - began.x) > STILL;
        if (!began.moved) return;
        if (began.select) {
          const [low, high] = [began.step, at(event)].sort((one, other) => one - other);
          const steps = about.value!.steps;
          range.value = [Math.max(Math.floor(low), 0), Math.min(Math.max(Math.ceil(high), 1), steps)];
        } else {
          const first = began.start - (event.offsetX - began.x) / zoom.value;
          look(first, first + end.value - start.value);
        }
      }}
      onPointerUp={(event) => {
        if (from.current && !from.current.moved) {
          go(Math.floor(at(event)));
          chosen?.(event.offsetY);
        }
        from.current = null;
      }}
    />
  );
}

/** The beginnings of sequences, the chosen range, and the cross-hair's step. */
function marks(context: CanvasRenderingContext2D, high: number): void {
  const starts = about.value!.starts;
  if (starts.length < width.value / 3 || zoom.value > 1) {
    context.fillStyle = themed("edge");
    for (const each of starts) {
      if (each > start.value && each < end.value) context.fillRect(Math.round(x(each)), 0, 1, high);
    }
  }
  if (range.value) {
    context.fillStyle = themed("range");
    context.fillRect(x(range.value[0]), 0, x(range.value[1]) - x(range.value[0]), high);
  }
  context.strokeStyle = themed("cross");
  context.lineWidth = 1;
  const wide = Math.max(zoom.value, 1);
  context.strokeRect(Math.round(x(step.value)) + 0.5, -1, Math.round(wide), high + 2);
}
