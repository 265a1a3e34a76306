import { expect } from 'chai';
import { Pace } from '../../bench/load/pace.js';

/** What is due at each of these moments, in ms. */
function dueAt(rate: number, moments: readonly number[]): { due: number[]; pace: Pace } {
  const pace = new Pace(rate, 0);
  return { due: moments.map((moment) => pace.tick(moment)), pace };
}

describe('bench: the pace of a load at a fixed rate', () => {
  it('is the rate, whole operations at a time', () => {
    expect(dueAt(4000, [1, 2, 3]).due).to.deep.equal([4, 4, 4]);
    expect(dueAt(400, [1, 2, 3, 4, 5]).due).to.deep.equal([0, 0, 1, 0, 1]);
  });

  it('of a load program that was late is made up for at twice the rate, without a burst and without a loss', () => {
    const { due, pace } = dueAt(4000, [1, 6, 7, 8, 9, 10, 11, 12]);
    expect(due).to.deep.equal([4, 8, 8, 8, 8, 4, 4, 4]);
    expect(due.reduce((sum, each) => sum + each)).to.equal(12 * 4);
    expect(pace.lateMs).to.equal(4);
  });

  it('below one operation per tick lets one be due at a time', () => {
    expect(dueAt(100, [50, 51, 52, 53, 54, 55]).due).to.deep.equal([1, 1, 1, 1, 1, 0]);
  });
});
