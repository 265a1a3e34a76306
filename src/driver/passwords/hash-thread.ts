/**
 * The thread in which slow hashes are worked out, one after the other. Started by `checker.ts`, which gives it passwords
 * and takes its verdicts.
 */
import { parentPort } from 'node:worker_threads';
import { matches } from './schemes.js';

/** A password that is to be looked at. */
export interface HashQuestion {
  readonly id: number;
  readonly password: string;
  readonly stored: string;
}

/** Whether it is the one. */
export interface HashAnswer {
  readonly id: number;
  readonly isRight: boolean;
}

parentPort?.on('message', ({ id, password, stored }: HashQuestion) => {
  const answer: HashAnswer = { id, isRight: matches(password, stored) };
  parentPort?.postMessage(answer);
});
