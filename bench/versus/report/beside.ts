/** What reports hold beside the side-by-side figures: growth, and several workers. Texts, tables and charts. */
import { axisCharts, type AxisChart } from '../../growth/chart.js';
import { growthCells } from '../../growth/text.js';
import { fairnessCells, rateCells } from '../../workers/cells.js';
import type { VersusReport } from '../figures.js';
import type { Cells } from './rows.js';

export interface Beside {
  /** Of the section, and of its picture. */
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly charts: readonly AxisChart[];
  readonly tables: readonly { readonly caption: string; readonly cells: Cells }[];
}

/** Those sections that there are figures for. */
export function besideOf({ growth, workers }: VersusReport): Beside[] {
  const sections: Beside[] = [];
  if (growth !== undefined && growth.curves.length > 0) {
    sections.push({
      name: 'growth',
      title: 'Growth',
      text: 'The cost of one operation against how many there are of something. Locations, servers, entries of a map, peers and fields: whole exchanges in memory. Connections and tunnels: 4,000 operations per second, spread over all that are open.',
      charts: axisCharts(growth),
      tables: [
        {
          caption: `The least disturbed sample of each (${growth.environment.date})`,
          cells: growthCells(growth),
        },
      ],
    });
  }
  if (workers !== undefined && workers.rates.length + workers.fairness.length > 0) {
    const date = workers.environment.date;
    sections.push({
      name: 'workers',
      title: 'Workers',
      text: `Rates: each worker may use ${(workers.quota * 100).toFixed(0)} % of a core (CPU bandwidth control), so that two cores are enough for two workers, load and origin, and nothing but the workers limits. Shares: ${workers.connections} connections that stay, as multiples of an even share; 1.00 is even.`,
      charts: [],
      tables: [
        { caption: `One worker and two (${date})`, cells: rateCells(workers) },
        { caption: `Shares of connections that stay (${date})`, cells: fairnessCells(workers) },
      ].filter(({ cells }) => cells.rows.length > 0),
    });
  }
  return sections;
}
