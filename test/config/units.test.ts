/**
 * Proves nginx's spellings of sizes, times, numbers and flags.
 */
import { expect } from 'chai';
import { parseFlag, parseNumber, parseSize, parseTimeMs } from '../../src/config/units.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('config units', () => {
  const sizes: readonly (readonly [string, number | undefined, boolean?])[] = [
    ['0', 0],
    ['512', 512],
    ['8k', 8192],
    ['8K', 8192],
    ['2m', 2 << 20],
    ['2M', 2 << 20],
    ['1g', undefined],
    ['1g', 1 << 30, true],
    ['1G', 1 << 30, true],
    ['1t', undefined, true],
    ['', undefined],
    ['k', undefined],
    ['-1', undefined],
    ['1.5k', undefined],
    ['1 k', undefined],
    ['99999999999999999999', undefined],
  ];
  for (const [text, octets, giga] of sizes) {
    it(`size ${JSON.stringify(text)}${giga === true ? ' as an offset' : ''}`, () => {
      expect(parseSize(text, giga)).to.equal(octets);
    });
  }

  const times: readonly (readonly [string, number | undefined])[] = [
    ['0', 0],
    ['30', 30_000],
    ['30s', 30_000],
    ['500ms', 500],
    ['1m', MINUTE],
    ['1m30', 90_000],
    ['1h30m', HOUR + 30 * MINUTE],
    ['1h 30m', HOUR + 30 * MINUTE],
    ['1w2d', 9 * DAY],
    ['1s500ms', 1500],
    ['30s 1m', undefined],
    ['1m1m', undefined],
    ['1M', undefined],
    ['1y', undefined],
    ['5x', undefined],
    ['s', undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5s', undefined],
  ];
  for (const [text, ms] of times) {
    it(`time ${JSON.stringify(text)}`, () => expect(parseTimeMs(text)).to.equal(ms));
  }

  it('a time that nginx keeps in seconds knows years and months, and no milliseconds', () => {
    expect(parseTimeMs('1y', 's')).to.equal(365 * DAY);
    expect(parseTimeMs('1M', 's')).to.equal(30 * DAY);
    expect(parseTimeMs('1y2M', 's')).to.equal(425 * DAY);
    expect(parseTimeMs('500ms', 's')).to.equal(undefined);
  });

  it('numbers and flags', () => {
    expect(['7', '007', '', '1a', '-1'].map(parseNumber)).to.deep.equal([
      7,
      7,
      undefined,
      undefined,
      undefined,
    ]);
    expect(['on', 'ON', 'off', 'Off', 'yes', '1', ''].map(parseFlag)).to.deep.equal([
      true,
      true,
      false,
      false,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
