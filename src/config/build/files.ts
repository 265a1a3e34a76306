/**
 * Where nginx would look for files. Decides which directives are refused for that.
 */
import { INDEX, ROOT } from '../directives/files.js';
import type { Level } from '../level.js';
import type { Site } from './site.js';

/** Refuses `root` and `index` in force on a level whose requests nothing else answers. @param who the requests */
export function refuseFiles(level: Level, who: string, site: Site): void {
  for (const word of [level.get(ROOT), level.get(INDEX)]) {
    if (word === null) continue;
    const hint = `wirehop serves no files, and nothing else answers ${who}: put a file server behind proxy_pass`;
    site.fault(word, `"${word.text}" directive is not supported`, hint);
  }
}
