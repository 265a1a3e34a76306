/**
 * The states of a connection, as two tables: what the downstream side may do next (its request), and what it is owed
 * (the response). Both run for each exchange; `connection.ts` pairs them. The state diagram in docs/machine.md is
 * drawn from these tables, and there is no transition outside them.
 *
 * An absent cell is an input that cannot happen: if it does, wirehop is wrong about the connection and ends it.
 */

/** By phase and input, the phase that follows. */
export type Table<Phase extends string, Input extends string> = Record<Phase, Partial<Record<Input, Phase>>>;

/** Phases of reading a request. */
export const REQUEST_PHASES = ['idle', 'head', 'body', 'done', 'tunnel', 'discard', 'closed'] as const;
/** Inputs of reading a request. */
export const REQUEST_INPUTS = [
  'octets',
  'bare',
  'content',
  'end',
  'next',
  'switch',
  'refuse',
  'eof',
  'close',
] as const;

/** What the downstream side may do. */
export const REQUEST_TABLE: Table<(typeof REQUEST_PHASES)[number], (typeof REQUEST_INPUTS)[number]> = {
  /** Between requests: nothing of the next one has come. */
  idle: { octets: 'head', close: 'closed' },
  /** A head has begun. bare: it is whole, without content; content: it is whole, and content follows. */
  head: { bare: 'done', content: 'body', refuse: 'discard', close: 'closed' },
  /** Content is passed on, or dropped when the answer is our own. */
  body: { end: 'done', refuse: 'discard', close: 'closed' },
  /** The request is whole; octets that follow wait. */
  done: { next: 'idle', switch: 'tunnel', refuse: 'discard', eof: 'closed', close: 'closed' },
  /** Octets are passed on as they come. */
  tunnel: { eof: 'closed', close: 'closed' },
  /** The last answer is given: octets are read and dropped, so that the peer can read it (RFC 9112 9.6). */
  discard: { close: 'closed' },
  /** Nothing more will be read. A response under way still goes out, and a tunnel still opens (half-close). */
  closed: { next: 'closed', switch: 'closed', close: 'closed' },
};

/** Phases of answering. */
export const RESPONSE_PHASES = [
  'idle',
  'plan',
  'dial',
  'head',
  'review',
  'body',
  'done',
  'tunnel',
  'closed',
] as const;
/** Inputs of answering. */
export const RESPONSE_INPUTS = [
  'request',
  'forward',
  'local',
  'connected',
  'interim',
  'review',
  'retry',
  'final',
  'switch',
  'end',
  'next',
  'close',
  'source',
  'wait',
] as const;

/** What the downstream side is owed. */
export const RESPONSE_TABLE: Table<(typeof RESPONSE_PHASES)[number], (typeof RESPONSE_INPUTS)[number]> = {
  /** No request is under way. */
  idle: { request: 'plan', close: 'closed' },
  /**
   * A request head is whole, and the policy decides about it; or it was refused, and is answered. wait: the policy has to
   * find something out. A subrequest goes through dial and head, and comes back by wait.
   */
  plan: { forward: 'dial', wait: 'plan', local: 'done', source: 'body', close: 'closed' },
  /** An upstream connection is awaited. */
  dial: {
    connected: 'head',
    retry: 'dial',
    wait: 'plan',
    local: 'done',
    source: 'body',
    close: 'closed',
  },
  /** The request is being sent; the response head is awaited. */
  head: {
    interim: 'head',
    review: 'review',
    retry: 'dial',
    wait: 'plan',
    local: 'done',
    source: 'body',
    final: 'body',
    switch: 'tunnel',
    close: 'closed',
  },
  /** The response head is whole, and the policy takes its time over it. */
  review: {
    retry: 'dial',
    wait: 'plan',
    local: 'done',
    source: 'body',
    final: 'body',
    switch: 'tunnel',
    close: 'closed',
  },
  /** The response head has gone downstream, and content follows; or both are read from a source of our own. */
  body: { end: 'done', close: 'closed' },
  /** The response is whole. */
  done: { next: 'idle', close: 'closed' },
  /** The upstream side switched protocols: octets are passed on as they come. */
  tunnel: { close: 'closed' },
  /** Nothing more goes downstream. */
  closed: {},
};

/** A table as octets: cells[phase * inputs + input] is the next phase, or {@link ABSENT}. */
export const ABSENT = 255;

export function compileTable<Phase extends string, Input extends string>(
  table: Table<Phase, Input>,
  phases: readonly Phase[],
  inputs: readonly Input[],
): Uint8Array {
  const cells = new Uint8Array(phases.length * inputs.length).fill(ABSENT);
  phases.forEach((phase, p) => {
    inputs.forEach((input, i) => {
      const next = table[phase][input];
      if (next !== undefined) cells[p * inputs.length + i] = phases.indexOf(next);
    });
  });
  return cells;
}

export const REQUEST_CELLS = compileTable(REQUEST_TABLE, REQUEST_PHASES, REQUEST_INPUTS);
export const RESPONSE_CELLS = compileTable(RESPONSE_TABLE, RESPONSE_PHASES, RESPONSE_INPUTS);

/** Numbers of the phases and inputs, for the hot path. A test holds them against the tables' order. */
export const REQUEST = { IDLE: 0, HEAD: 1, BODY: 2, DONE: 3, TUNNEL: 4, DISCARD: 5, CLOSED: 6 } as const;
export const REQUEST_IN = {
  OCTETS: 0,
  BARE: 1,
  CONTENT: 2,
  END: 3,
  NEXT: 4,
  SWITCH: 5,
  REFUSE: 6,
  EOF: 7,
  CLOSE: 8,
} as const;
export const RESPONSE = {
  IDLE: 0,
  PLAN: 1,
  DIAL: 2,
  HEAD: 3,
  REVIEW: 4,
  BODY: 5,
  DONE: 6,
  TUNNEL: 7,
  CLOSED: 8,
} as const;
export const RESPONSE_IN = {
  REQUEST: 0,
  FORWARD: 1,
  LOCAL: 2,
  CONNECTED: 3,
  INTERIM: 4,
  REVIEW: 5,
  RETRY: 6,
  FINAL: 7,
  SWITCH: 8,
  END: 9,
  NEXT: 10,
  CLOSE: 11,
  SOURCE: 12,
  WAIT: 13,
} as const;
