/**
 * nginx's units: sizes, times, flags, numbers (`ngx_parse_size`, `ngx_parse_offset`, `ngx_parse_time`). Decides which
 * spellings are values; the words of the refusal belong to whoever asks.
 */

const SIZE_UNITS: Record<string, number> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** A decimal number, or undefined. Beyond 2^53 - 1 a number is refused: it would not be exact. */
export function parseNumber(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/**
 * Octets: `512`, `8k`, `1m`, in either case; `1g` where nginx takes offsets (client_max_body_size).
 * @param giga whether "g" is a unit here
 */
export function parseSize(text: string, giga = false): number | undefined {
  const unit = text.slice(-1).toLowerCase();
  const factor = unit === 'g' && !giga ? undefined : SIZE_UNITS[unit];
  const value = parseNumber(factor === undefined ? text : text.slice(0, -1));
  if (value === undefined) return undefined;
  const octets = value * (factor ?? 1);
  return Number.isSafeInteger(octets) ? octets : undefined;
}

/** Order of the units in a time: each may stand only behind larger ones. */
const ORDER = ['y', 'M', 'w', 'd', 'h', 'm', 's', 'ms'];
const SECONDS: Record<string, number> = {
  y: 365 * 86400,
  M: 30 * 86400,
  w: 7 * 86400,
  d: 86400,
  h: 3600,
  m: 60,
  s: 1,
  ms: 0.001,
};

/**
 * Milliseconds of a time: `30`, `500ms`, `1h30m`, `"1h 30m"`. Without a unit, seconds.
 * As in nginx, a time kept in milliseconds knows neither years nor months, and one kept in seconds no milliseconds.
 *
 * @param precision in what nginx keeps this time
 */
export function parseTimeMs(text: string, precision: 'ms' | 's' = 'ms'): number | undefined {
  let last = precision === 'ms' ? ORDER.indexOf('M') : -1;
  let totalMs = 0;
  for (let rest = text; rest !== '';) {
    const match = /^([0-9]*)(ms|[yMwdhms]| |$) */.exec(rest);
    if (match === null) return undefined;
    const [whole, digits, unit] = match;
    if (unit === ' ') {
      if (last >= ORDER.indexOf('s')) return undefined;
      last = ORDER.length;
    } else if (unit !== '') {
      const step = ORDER.indexOf(unit);
      if (step <= last || (unit === 'ms' && precision === 's')) return undefined;
      last = step;
    }
    totalMs += Number(digits) * (SECONDS[unit] ?? 1) * 1000;
    rest = rest.slice(whole.length);
  }
  const ms = Math.round(totalMs);
  return /[0-9]/.test(text) && Number.isSafeInteger(ms) ? ms : undefined;
}

/** `on` or `off` in any case, as nginx compares them. */
export function parseFlag(text: string): boolean | undefined {
  const folded = text.toLowerCase();
  return folded === 'on' ? true : folded === 'off' ? false : undefined;
}
