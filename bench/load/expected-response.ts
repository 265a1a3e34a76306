/**
 * What every response of a turn must look like: learnt from the first one, after that has been checked by its meaning.
 * Then each octet of each response is compared, but those of Date.
 */
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');

/** An answer is not what it must be: the run fails with this text. */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
}

export class ExpectedResponse {
  private constructor(
    private readonly octets: Buffer,
    private readonly dateStart: number,
    private readonly dateEnd: number,
  ) {}

  /**
   * Takes the first response; null while it is not whole. Throws {@link WrongAnswer} when it is not a good one.
   * @param octets all that came so far; copied
   */
  static learn(octets: Buffer, content: Buffer): ExpectedResponse | null {
    const headEnd = octets.indexOf(HEAD_END);
    if (headEnd < 0) return null;
    const head = octets.toString('latin1', 0, headEnd + 2);
    if (!head.startsWith('HTTP/1.1 200 OK\r\n'))
      throw new WrongAnswer(`not a good response: ${quote(octets)}`);
    const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head)?.[1];
    if (length !== String(content.length))
      throw new WrongAnswer(`Content-Length is not ${content.length}: ${quote(octets)}`);
    const end = headEnd + HEAD_END.length + content.length;
    if (octets.length < end) return null;
    if (octets.length > end)
      throw new WrongAnswer(`${octets.length - end} octets behind the response that nobody asked for`);
    const date = /\r\ndate: *[^\r]*/i.exec(head);
    const expected = new ExpectedResponse(
      Buffer.from(octets),
      date === null ? end : date.index + 2,
      date === null ? end : date.index + date[0].length,
    );
    expected.checkContent(content, headEnd + HEAD_END.length);
    return expected;
  }

  /** Octets of a whole response. */
  get length(): number {
    return this.octets.length;
  }

  /**
   * Compares octets[0, count) with the response from `at` on. Throws {@link WrongAnswer} with the first octet that
   * differs, or when there are more than a response has left.
   */
  check(octets: Buffer, count: number, at: number): void {
    const end = at + count;
    const { octets: expected, dateStart, dateEnd } = this;
    if (end > expected.length)
      throw new WrongAnswer(`${end - expected.length} octets behind the response that nobody asked for`);
    const untilDate = Math.min(end, dateStart);
    if (at < untilDate) this.compare(octets, 0, at, untilDate);
    const from = Math.max(at, dateEnd);
    if (from < end) this.compare(octets, from - at, from, end);
  }

  private compare(octets: Buffer, offset: number, from: number, to: number): void {
    if (this.octets.compare(octets, offset, offset + to - from, from, to) !== 0)
      throw new WrongAnswer(`response: ${difference(octets, offset, this.octets, from, to - from)}`);
  }

  private checkContent(content: Buffer, at: number): void {
    if (content.compare(this.octets, at) !== 0)
      throw new WrongAnswer(`content: ${difference(this.octets, at, content, 0, content.length)}`);
  }
}

/** Names the first octet in which found[at, at + count) differs from wanted[from, from + count). */
export function difference(found: Buffer, at: number, wanted: Buffer, from: number, count: number): string {
  let i = 0;
  while (i < count && found[at + i] === wanted[from + i]) i++;
  const hex = (octet: number): string => `0x${octet.toString(16).padStart(2, '0')}`;
  return `octet ${from + i} is ${hex(found[at + i])}, must be ${hex(wanted[from + i])}`;
}

function quote(octets: Buffer): string {
  return JSON.stringify(octets.toString('latin1', 0, 400));
}
