// Colours of bytes: safe for those who see few colours, on a light and on a dark page.

type Colour = [number, number, number];

// Viridis (van der Walt and Smith, 2015), at six places.
const RISING: Colour[] = [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];
// Blue to orange, over the colour of the page.
const BELOW: Colour[] = [[5, 48, 97], [67, 147, 195]];
const ABOVE: Colour[] = [[241, 143, 59], [127, 59, 8]];
const BELOW_ON_DARK: Colour[] = [[166, 215, 255], [33, 102, 172]];
const ABOVE_ON_DARK: Colour[] = [[179, 88, 6], [255, 207, 139]];
const LIGHT: Colour = [250, 250, 250];
const DARK: Colour = [24, 26, 30];
/** What is no number. */
const NONE: Colour = [255, 0, 160];

function packed([red, green, blue]: Colour): number {
  return (255 << 24) | (blue << 16) | (green << 8) | red;
}

/** For each byte its colour, as ImageData has it. */
export function palette(signed: boolean, dark: boolean): Uint32Array {
  const middle = dark ? [...BELOW_ON_DARK, DARK, ...ABOVE_ON_DARK] : [...BELOW, LIGHT, ...ABOVE];
  const stops = signed ? middle : RISING;
  const found = new Uint32Array(256);
  found[0] = packed(NONE);
  for (let byte = 1; byte < 256; byte++) {
    const place = ((byte - 1) / 254) * (stops.length - 1);
    const below = Math.min(Math.floor(place), stops.length - 2);
    const share = place - below;
    const mixed = stops[below].map((each, n) => Math.round(each + share * (stops[below + 1][n] - each)));
    found[byte] = packed(mixed as Colour);
  }
  return found;
}

/** A colour for a label, by its number. */
export function labelled(number: number, dark: boolean): string {
  return `hsl(${(number * 137.5) % 360} 45% ${dark ? 35 : 80}%)`;
}

/** A colour of the style sheet. */
export function themed(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
}
