/**
 * The parts of a configuration file as plain values: words, directives and where they stand. Decides nothing.
 */
import { ConfigError } from '../error.js';

/** Where something stands. */
export interface Place {
  /** Absolute path, or '' for the command line. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Octets from 1. */
  readonly column: number;
}

/** One argument, or the name of a directive. */
export interface Word extends Place {
  /** Quotes removed, escapes replaced. */
  readonly text: string;
  /** The word stood in quotes. */
  readonly quoted: boolean;
}

/** A directive as written: its meaning is not looked at yet. */
export interface Directive extends Place {
  readonly name: string;
  readonly args: readonly Word[];
  /** What stands between its braces; null when it ends with ";". */
  readonly block: readonly Directive[] | null;
}

/**
 * Files are read as Latin-1, one code unit per octet, so that field values go out octet for octet. Names that leave for
 * the file system or for a person are UTF-8 again through this.
 */
export function decodeText(octets: string): string {
  // eslint-disable-next-line no-control-regex -- the question is precisely which octets are not ASCII
  return /^[\x00-\x7f]*$/.test(octets) ? octets : Buffer.from(octets, 'latin1').toString('utf8');
}

/** A fault at a place. `text` in nginx's words where nginx has them; `hint` says what to do instead. */
export function faultAt(place: Place, text: string, hint = ''): ConfigError {
  return new ConfigError(decodeText(text), place.file, place.line, place.column, decodeText(hint));
}
