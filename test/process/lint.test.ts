/**
 * Proves that the lint rule checks every arrow of HOUSE's table of rooms: for each pair of rooms an import of a value
 * and an import of a type, wanted and unwanted.
 */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ESLint } from 'eslint';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const RULE = '@typescript-eslint/no-restricted-imports';

const ROOMS = [
  'bytes',
  'message',
  'wire',
  'machine',
  'proxy',
  'driver',
  'config',
  'embed',
  'process',
] as const;
type Room = (typeof ROOMS)[number];

/** What each room may import, beside itself and error.ts. */
const MAY_IMPORT: Record<Room, readonly Room[]> = {
  bytes: [],
  message: ['bytes'],
  wire: ['message', 'bytes'],
  machine: ['wire', 'message', 'bytes'],
  proxy: ['message', 'bytes'],
  driver: ['machine', 'wire', 'message', 'bytes'],
  config: ['proxy', 'message'],
  embed: ['bytes', 'message', 'wire', 'machine', 'proxy', 'driver', 'config'],
  process: ['bytes', 'message', 'wire', 'machine', 'proxy', 'driver', 'config', 'embed'],
};
/** Rooms of which a room may name the types alone. */
const MAY_NAME_TYPES: Partial<Record<Room, readonly Room[]>> = { proxy: ['machine'] };

describe('lint: the arrows between the rooms', () => {
  const eslint = new ESLint({ cwd: ROOT });

  /** Ids of the rules that a file with this text breaks. */
  async function broken(filePath: string, code: string): Promise<string[]> {
    const [result] = await eslint.lintText(code, { filePath: `${ROOT}${filePath}` });
    expect(result.messages.filter((message) => message.fatal)).to.deep.equal([]);
    return result.messages.map((message) => String(message.ruleId));
  }

  const value = (path: string): string => `import { x } from '${path}';\nexport const y = x;\n`;
  const type = (path: string): string => `import type { X } from '${path}';\nexport type Y = X;\n`;

  for (const room of ROOMS) {
    it(`${room}/ imports what it may, and nothing else`, async () => {
      for (const other of ROOMS) {
        if (other === room) continue;
        const path = `../${other}/file.js`;
        const mayValue = MAY_IMPORT[room].includes(other);
        const mayType = mayValue || (MAY_NAME_TYPES[room] ?? []).includes(other);
        expect(await broken(`src/${room}/file.ts`, value(path)), `value: ${room} -> ${other}`).to.deep.equal(
          mayValue ? [] : [RULE],
        );
        expect(await broken(`src/${room}/file.ts`, type(path)), `type: ${room} -> ${other}`).to.deep.equal(
          mayType ? [] : [RULE],
        );
      }
    });
  }

  it('holds in folders below a room, and for export ... from', async () => {
    expect(await broken('src/wire/http1/file.ts', value('../../driver/file.js'))).to.deep.equal([RULE]);
    expect(await broken('src/wire/http1/file.ts', value('../../message/file.js'))).to.deep.equal([]);
    expect(await broken('src/wire/http1/file.ts', value('../websocket/file.js'))).to.deep.equal([]);
    expect(await broken('src/bytes/file.ts', `export * from '../driver/file.js';\n`)).to.deep.equal([RULE]);
  });

  it('lets the constants of machine/policy.ts into proxy/', async () => {
    expect(await broken('src/proxy/file.ts', value('../machine/policy.js'))).to.deep.equal([]);
    expect(await broken('src/proxy/file.ts', value('../machine/connection.js'))).to.deep.equal([RULE]);
  });

  it('keeps error.ts free of imports, rooms free of the package entry and of import()', async () => {
    expect(await broken('src/error.ts', value('./bytes/octets.js'))).to.deep.equal([RULE]);
    expect(await broken('src/error.ts', value('node:fs'))).to.deep.equal([RULE]);
    expect(await broken('src/proxy/file.ts', value('../index.js'))).to.deep.equal([RULE]);
    expect(
      await broken('src/proxy/file.ts', `export const x = import('../driver/file.js');\n`),
    ).to.deep.equal(['no-restricted-syntax']);
  });

  it('lets every room import error.ts and node: modules', async () => {
    for (const room of ROOMS) {
      expect(await broken(`src/${room}/file.ts`, value('../error.js'))).to.deep.equal([]);
      expect(await broken(`src/${room}/file.ts`, value('node:process'))).to.deep.equal([]);
    }
  });
});
