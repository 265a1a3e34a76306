/**
 * `stub_status` and the `$connections_...` variables: how many connections a process has, and what they are at. Decides
 * how that is written; who has the connections tells the figures.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { ValueSource } from '../message/field-edits.js';
import type { Variable } from './variables.js';

/** Figures of one process at one moment. */
export interface ConnectionFigures {
  /** Since the start. */
  readonly accepted: number;
  /** Of these, those that were not refused for want of room. */
  readonly handled: number;
  /** Open now. */
  readonly active: number;
  /** Of these, those whose request head is being read. */
  readonly reading: number;
  /** Those that wait for a request. */
  readonly waiting: number;
  /** Requests under way. */
  readonly requests: number;
}

const NONE: ConnectionFigures = { accepted: 0, handled: 0, active: 0, reading: 0, waiting: 0, requests: 0 };

/** Where figures come from: set by whoever runs the configuration. */
export class FigureBoard {
  source: () => ConnectionFigures = () => NONE;
}

/** Requests of this process that are over. */
export const REQUESTS = { over: 0 };

/** The page of `stub_status`, in nginx's form. */
export class StatusPage implements ValueSource<unknown> {
  constructor(private readonly board: FigureBoard) {}

  put(_context: unknown, out: OctetWriter): void {
    const { accepted, handled, active, reading, waiting, requests } = this.board.source();
    out.putLatin1(
      `Active connections: ${active} \nserver accepts handled requests\n ${accepted} ${handled} ` +
        `${REQUESTS.over + requests} \nReading: ${reading} Writing: ${active - reading - waiting} Waiting: ${waiting} \n`,
    );
  }
}

/** `$connections_active` and its like, by name. */
export function figureVariables(board: FigureBoard): Readonly<Record<string, Variable>> {
  const variable = (of: (figures: ConnectionFigures) => number): Variable => ({
    text: () => String(of(board.source())),
  });
  return {
    connections_active: variable(({ active }) => active),
    connections_reading: variable(({ reading }) => reading),
    connections_writing: variable(({ active, reading, waiting }) => active - reading - waiting),
    connections_waiting: variable(({ waiting }) => waiting),
  };
}
