/** How redirections made here are completed, from the settings of a level. */
import type { RedirectRules } from '../../proxy/absolute-location.js';
import { ABSOLUTE_REDIRECT, PORT_IN_REDIRECT, SERVER_NAME_IN_REDIRECT } from '../directives/errors.js';
import type { Level } from '../level.js';

/** The rules that hold on a level. */
export function redirectRules(level: Level): RedirectRules {
  return {
    isAbsolute: level.get(ABSOLUTE_REDIRECT),
    usesServerName: level.get(SERVER_NAME_IN_REDIRECT),
    showsPort: level.get(PORT_IN_REDIRECT),
  };
}
