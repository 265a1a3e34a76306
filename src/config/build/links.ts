/**
 * `secure_link` and `valid_referers` become what `proxy/access/` judges by. Decides nothing at run time.
 */
import type { LinkRules } from '../../proxy/access/links.js';
import { Referers } from '../../proxy/access/referers.js';
import { compileRegex } from '../../proxy/regex.js';
import { ServerLevel } from '../blocks.js';
import * as lines from '../directives/links.js';
import type { Level } from '../level.js';
import type { Word } from '../syntax.js';
import type { Site } from './site.js';

/** undefined where no link is checked. */
export function linkRules(level: Level, site: Site): LinkRules | undefined {
  const [link, md5] = [level.get(lines.SECURE_LINK), level.get(lines.SECURE_LINK_MD5)];
  const secret = level.get(lines.SECURE_LINK_SECRET);
  if (secret !== null) {
    if (link !== null || md5 !== null) {
      const text = '"secure_link_secret" cannot be mixed with "secure_link" and "secure_link_md5"';
      site.fault(secret, text, 'the two ways to check a link exclude each other');
    }
    return { kind: 'secret', secret: secret.args[0].text };
  }
  if (link === null || md5 === null) return undefined;
  return { kind: 'md5', link: site.template(link), md5: site.template(md5) };
}

/** undefined where every referer is valid. */
export function referers(level: Level, site: Site): Referers | undefined {
  const words = level.get(lines.VALID_REFERERS);
  if (words.length === 0) return undefined;
  const hosts: [string, string][] = [];
  const regexes: RegExp[] = [];
  const hostRegexes: RegExp[] = [];
  const add = (word: Word, text: string, to: RegExp[]): void => {
    const regex = site.guard(word, () => compileRegex(text.slice(1), true));
    if (regex !== undefined) to.push(regex);
  };
  for (const word of words) {
    const { text } = word;
    if (text === 'none' || text === 'blocked') continue;
    if (text === 'server_names') {
      for (const name of serverOf(level)?.names ?? []) {
        if (name.text.startsWith('~')) add(name, name.text, hostRegexes);
        else if (name.text !== '') hosts.push([name.text, '']);
      }
    } else if (text.startsWith('~')) {
      add(word, text, regexes);
    } else {
      const slash = text.indexOf('/');
      hosts.push(slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash)]);
    }
  }
  const allowsNone = words.some(({ text }) => text === 'none');
  const allowsBlocked = words.some(({ text }) => text === 'blocked');
  if ((allowsNone || allowsBlocked) && hosts.length === 0) {
    const text =
      'the "none" or "blocked" referers are specified in the "valid_referers" directive without any valid referer';
    site.fault(words[0], text, 'name a host, too; a regular expression alone is not enough');
  }
  return site.guard(words[0], () => new Referers({ allowsNone, allowsBlocked, hosts, hostRegexes, regexes }));
}

function serverOf(level: Level): ServerLevel | null {
  for (let at: Level | null = level; at !== null; at = at.parent) if (at instanceof ServerLevel) return at;
  return null;
}
