/**
 * An open file on its way out: all of it, one part, or several with lines between them. Reads without waiting, and
 * closes no file that is being read.
 */
import { read } from 'node:fs';
import type { ContentSource } from '../../machine/policy.js';
import { closeQuietly } from './file-system.js';

/** Octets [start, end) of the file. */
export interface FilePart {
  readonly start: number;
  readonly end: number;
}

export class OpenFile implements ContentSource {
  octets: number;
  private pieces: readonly (FilePart | Buffer)[];
  private current = 0;
  /** Octets of the current piece that have been read. */
  private done = 0;
  private isReading = false;
  private isClosed = false;

  /**
   * @param descriptor the object's from here on
   * @param size octets
   * @param modified seconds since 1970
   */
  constructor(
    private readonly descriptor: number,
    readonly size: number,
    readonly modified: number,
  ) {
    this.octets = size;
    this.pieces = [{ start: 0, end: size }];
  }

  /** Sends parts of the file, and other octets, in place of all of it. Before the first read. */
  choose(pieces: readonly (FilePart | Buffer)[]): void {
    this.pieces = pieces;
    this.octets = 0;
    for (const piece of pieces) this.octets += 'start' in piece ? piece.end - piece.start : piece.length;
  }

  read(into: Buffer, done: (count: number, detail: string) => void): void {
    const piece = this.pieces.at(this.current);
    if (piece === undefined || this.isClosed) {
      queueMicrotask(() => done(0, ''));
    } else if (!('start' in piece)) {
      const count = piece.copy(into, 0, this.done);
      this.advance(count, piece.length);
      queueMicrotask(() => done(count, ''));
    } else {
      this.readPart(piece, into, done);
    }
  }

  private readPart(
    { start, end }: FilePart,
    into: Buffer,
    done: (count: number, detail: string) => void,
  ): void {
    const at = start + this.done;
    this.isReading = true;
    read(this.descriptor, into, 0, Math.min(into.length, end - at), at, (error, count) => {
      this.isReading = false;
      if (this.isClosed) closeQuietly(this.descriptor);
      else if (error === null) this.advance(count, end - start);
      done(error === null ? count : 0, error === null ? '' : (error.code ?? error.message));
    });
  }

  private advance(count: number, length: number): void {
    this.done += count;
    if (this.done < length) return;
    this.current++;
    this.done = 0;
  }

  /** Nothing more is read. Once is enough. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    // What reads it still needs it; it is closed behind that.
    if (!this.isReading) closeQuietly(this.descriptor);
  }
}
