/** `allow` and `deny` of a level as a decision. */
import { AccessRules } from '../../proxy/access.js';
import type { LocationRules } from '../../proxy/model.js';
import { ACCESS } from '../directives/access.js';
import type { Level } from '../level.js';

/** Whether an exchange is let in, by the rules in force; undefined where there are none. */
export function admission(level: Level): LocationRules['admits'] {
  const lines = level.get(ACCESS);
  if (lines.length === 0) return undefined;
  const rules = new AccessRules(lines);
  return (exchange) => rules.admit(exchange.connection.remoteAddress);
}
