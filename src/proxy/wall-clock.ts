/**
 * Wall-clock time as texts, each made at most once per second. The only file of this room that asks what time it is,
 * and only for the eyes of people: no decision depends on it.
 */
import { latin1 } from '../bytes/octets.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** `+0200`, or with a colon `+02:00`. */
function zone(date: Date, colon: string): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${colon}${two(size % 60)}`;
}

function clock(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Local time in the Common Log Format ($time_local): `28/Sep/1970:12:00:00 +0600`. */
export function localTime(date: Date): string {
  return `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}:${clock(date)} ${zone(date, '')}`;
}

/** Local time in ISO 8601 ($time_iso8601): `1970-09-28T12:00:00+06:00`. */
export function isoTime(date: Date): string {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${clock(date)}${zone(date, ':')}`;
}

/** A text of the current second. */
class SecondText {
  private second = -1;
  private rendered = '';
  private renderedOctets: Uint8Array = latin1('');
  constructor(private readonly render: (date: Date) => string) {}

  text(): string {
    this.refresh();
    return this.rendered;
  }

  /** Shared: not to be written to. */
  octets(): Uint8Array {
    this.refresh();
    return this.renderedOctets;
  }

  private refresh(): void {
    const now = Date.now();
    const second = Math.floor(now / 1000);
    if (second === this.second) return;
    this.second = second;
    this.rendered = this.render(new Date(now));
    this.renderedOctets = latin1(this.rendered);
  }
}

/** $time_local of now. */
export const LOCAL_TIME = new SecondText(localTime);
/** $time_iso8601 of now. */
export const ISO_TIME = new SecondText(isoTime);
/** Date of now, as RFC 9110 5.6.7 wants it. */
export const HTTP_DATE = new SecondText((date) => date.toUTCString());

/**
 * A time from now on as cookies have it: `Thu, 31-Dec-37 23:55:55 GMT`, with four digits behind 2037 as nginx does.
 * @param seconds from now
 */
export function cookieTime(seconds: number): string {
  const date = new Date(Date.now() + seconds * 1000);
  const [day, , , , time] = date.toUTCString().split(' ');
  const year = date.getUTCFullYear();
  const month = MONTHS[date.getUTCMonth()];
  return `${day} ${two(date.getUTCDate())}-${month}-${year > 2037 ? year : two(year % 100)} ${time} GMT`;
}

/** Milliseconds as `seconds.milliseconds`, as nginx shows every time and duration. Below zero counts as zero. */
export function seconds(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  return `${Math.floor(whole / 1000)}.${String(whole % 1000).padStart(3, '0')}`;
}
