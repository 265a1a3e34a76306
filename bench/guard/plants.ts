/**
 * Slowdowns that are built into a proxy on purpose, to see whether they are noticed. Nothing of them is in the product:
 * they are put around its prototypes in the proxy's own process (planting.ts).
 */
export const PLANTS = ['copy', 'write', 'buffer'] as const;
export type Plant = (typeof PLANTS)[number];

/** What each of them does. */
export const PLANT_TEXTS: Readonly<Record<Plant, string>> = {
  copy: 'every chunk is copied once more before it is handled',
  write: 'every write is cut in two',
  buffer: 'every chunk gets a Buffer of its own',
};
