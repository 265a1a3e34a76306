/**
 * Times in fields (RFC 9110 5.6.7): the three forms of a date.
 */

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
/** `Sun, 06 Nov 1994 08:49:37 GMT`, and with dashes and a short year `Sunday, 06-Nov-94 08:49:37 GMT`. */
const FIXED = /^ *\w+, (\d\d)([ -])(\w{3})\2(\d{4}|\d\d) (\d\d):(\d\d):(\d\d)/;
/** `Sun Nov  6 08:49:37 1994`. */
const ASCTIME = /^ *\w{3} (\w{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})/;

/** Seconds since 1970, or -1 for what is no date. */
export function parseHttpTime(text: string): number {
  const fixed = FIXED.exec(text);
  if (fixed !== null) {
    const [, day, , month, year, hour, minute, second] = fixed;
    // nginx: two digits below 70 are of this century.
    const short = Number(year);
    const full = year.length === 4 ? short : short + (short < 70 ? 2000 : 1900);
    return secondsOf(full, month, Number(day), hour, minute, second);
  }
  const asctime = ASCTIME.exec(text);
  if (asctime === null) return -1;
  const [, month, day, hour, minute, second, year] = asctime;
  return secondsOf(Number(year), month, Number(day), hour, minute, second);
}

function secondsOf(
  year: number,
  monthName: string,
  day: number,
  hour: string,
  minute: string,
  second: string,
): number {
  const month = MONTHS.indexOf(monthName) / 3;
  if (!Number.isInteger(month) || month < 0) return -1;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return -1;
  const date = new Date(Date.UTC(year, month, day, Number(hour), Number(minute), Number(second)));
  // A day that the month does not have would be one of the next.
  return date.getUTCDate() === day ? date.getTime() / 1000 : -1;
}

/** A time as fields have it. @param seconds since 1970 */
export function httpTime(seconds: number): string {
  return new Date(seconds * 1000).toUTCString();
}
