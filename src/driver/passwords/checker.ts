/**
 * Looks at passwords without holding up anything else: slow hashes are worked out in one thread, which is started for the
 * first of them and ends when it has had nothing to do for a while. Decides what is remembered: that a password was
 * right, so that a page of thirty requests costs one hash, and never the password.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { HashAnswer, HashQuestion } from './hash-thread.js';
import { matches, speedOf } from './schemes.js';

/** Passwords that were right are remembered up to this number. */
const MOST_REMEMBERED = 1024;
/** Passwords that wait for the thread, each at most once: guessing costs one request each, and must not fill the memory. */
const MOST_WAITING = 512;
/** The thread, about 5 MB, ends after this long without work. */
const IDLE_MS = 60_000;

/** What became of a password. `busy`: too many wait. `broken`: the thread could not do it. */
export type PasswordVerdict = 'right' | 'wrong' | 'unknown-form' | 'busy' | 'broken';

interface Waiting {
  readonly key: string;
  readonly settle: (verdict: PasswordVerdict) => void;
}

export class PasswordChecker {
  /** What is right is known by a keyed digest that is worth nothing outside this process. Oldest first. */
  private readonly right = new Set<string>();
  private readonly key = randomBytes(32);
  private readonly underWay = new Map<string, Promise<PasswordVerdict>>();
  private readonly waiting = new Map<number, Waiting>();
  private thread: Worker | null = null;
  private idle: NodeJS.Timeout | undefined;
  private lastId = 0;

  /** @param password its octets as Latin-1 @param stored as in the file */
  check(password: string, stored: string): Promise<PasswordVerdict> {
    const speed = speedOf(stored);
    if (speed === 'unknown') return Promise.resolve('unknown-form');
    if (speed === 'quick') return Promise.resolve(matches(password, stored) ? 'right' : 'wrong');
    const key = this.digest(password, stored);
    if (this.right.delete(key)) {
      this.right.add(key);
      return Promise.resolve('right');
    }
    const known = this.underWay.get(key);
    if (known !== undefined) return known;
    if (this.underWay.size >= MOST_WAITING) return Promise.resolve('busy');
    const asked = this.ask(key, password, stored);
    this.underWay.set(key, asked);
    return asked;
  }

  /** Ends the thread; who still waits hears that it is broken. */
  close(): void {
    clearTimeout(this.idle);
    void this.thread?.terminate();
    this.lose();
  }

  private ask(key: string, password: string, stored: string): Promise<PasswordVerdict> {
    return new Promise((resolve) => {
      const id = ++this.lastId;
      this.waiting.set(id, { key, settle: resolve });
      const question: HashQuestion = { id, password, stored };
      this.running().postMessage(question);
    });
  }

  private running(): Worker {
    clearTimeout(this.idle);
    if (this.thread !== null) return this.thread;
    const thread = new Worker(new URL('./hash-thread.js', import.meta.url));
    this.thread = thread;
    // Nobody stays alive for its sake: who waits for an answer has a connection.
    thread.unref();
    thread.on('message', (answer: HashAnswer) => this.hear(answer));
    const lost = (): void => {
      if (this.thread === thread) this.lose();
    };
    thread.on('error', lost);
    thread.on('exit', lost);
    return thread;
  }

  private hear({ id, isRight }: HashAnswer): void {
    const one = this.waiting.get(id);
    if (one === undefined) return;
    this.waiting.delete(id);
    this.underWay.delete(one.key);
    if (isRight) this.remember(one.key);
    one.settle(isRight ? 'right' : 'wrong');
    if (this.waiting.size > 0) return;
    this.idle = setTimeout(() => this.close(), IDLE_MS);
    this.idle.unref();
  }

  /** The thread is gone, and what it had to do with it; the next password gets a new one. */
  private lose(): void {
    this.thread = null;
    const lost = [...this.waiting.values()];
    this.waiting.clear();
    this.underWay.clear();
    for (const { settle } of lost) settle('broken');
  }

  private remember(key: string): void {
    this.right.add(key);
    if (this.right.size <= MOST_REMEMBERED) return;
    const [oldest] = this.right;
    this.right.delete(oldest);
  }

  private digest(password: string, stored: string): string {
    // The form holds no NUL: a line of a file ends there, and no header field has one.
    return createHmac('sha256', this.key).update(`${stored}\0${password}`, 'latin1').digest('base64');
  }
}
