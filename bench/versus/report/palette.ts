/**
 * Colours of the peers, light and dark, as CSS variables: wirehop stands out, libraries of one kind share a family.
 * Nothing is told by colour alone: every mark has its peer's name or a title beside it.
 */

interface Tone {
  readonly variable: string;
  readonly light: string;
  readonly dark: string;
  /** Plot's name of a shape, for dots. */
  readonly symbol: string;
}

const TONES: Readonly<Record<string, Tone>> = {
  wirehop: { variable: '--wirehop', light: '#d9480f', dark: '#ff922b', symbol: 'circle' },
  'wirehop (net)': { variable: '--wirehop-net', light: '#f59f6c', dark: '#b4541c', symbol: 'circle' },
  nginx: { variable: '--nginx', light: '#2b8a3e', dark: '#51cf66', symbol: 'square' },
  HAProxy: { variable: '--haproxy', light: '#1971c2', dark: '#4dabf7', symbol: 'diamond' },
  'http-proxy': { variable: '--http-proxy', light: '#9c6ade', dark: '#b197fc', symbol: 'triangle' },
  'http-proxy-3': { variable: '--http-proxy-3', light: '#7048c6', dark: '#9775fa', symbol: 'cross' },
  httpxy: { variable: '--httpxy', light: '#c255a8', dark: '#e599f7', symbol: 'star' },
  'bare relay': { variable: '--relay', light: '#868e96', dark: '#909aa5', symbol: 'wye' },
};

const OTHER: Tone = { variable: '--other', light: '#adb5bd', dark: '#6c757d', symbol: 'asterisk' };

export function colourOf(peer: string): string {
  return `var(${(TONES[peer] ?? OTHER).variable})`;
}

export function symbolOf(peer: string): string {
  return (TONES[peer] ?? OTHER).symbol;
}

const INK: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  '--ink': ['#1f2328', '#e6e8eb'],
  '--quiet': ['#656d76', '#9aa4ae'],
  '--line': ['#d8dde2', '#333b44'],
  '--page': ['#f6f7f9', '#0f1318'],
  '--card': ['#ffffff', '#171c23'],
};

/** Declarations of all variables for `selector`, and for readers who prefer dark. */
export function paletteCss(selector: string): string {
  const tones = [...Object.values(TONES), OTHER];
  const declare = (light: boolean): string =>
    [
      ...tones.map((tone) => `${tone.variable}:${light ? tone.light : tone.dark}`),
      ...Object.entries(INK).map(([name, values]) => `${name}:${values[light ? 0 : 1]}`),
    ].join(';');
  return `${selector}{color-scheme:light dark;${declare(true)}}
@media (prefers-color-scheme:dark){${selector}{${declare(false)}}}`;
}
