/**
 * `auth_basic`: who a request says it comes from, and whether a user file knows that (`ngx_http_auth_basic_module`).
 * Decides what is answered; leaves the file and its hashes to others.
 */
import { resolve } from 'node:path';
import type { Exchange } from '../../machine/exchange.js';
import { FIELD_NAMES } from '../../message/field-names.js';
import type { RequestContext } from '../context.js';
import { logHere } from '../fault-lines.js';
import { basicCredentials } from '../fields.js';
import type { Template } from '../template.js';
import { systemWords } from '../system-words.js';
import type { UserFiles, UserVerdict } from './users.js';
import { DECLINED, GRANTED } from './verdict.js';

const AUTHORIZATION = FIELD_NAMES.intern('authorization');

/** The rules of one location. */
export interface BasicAuthRules {
  readonly realm: Template;
  readonly file: Template;
  /** What a relative name of the file is relative to: the configuration's folder. */
  readonly folder: string;
  readonly users: UserFiles;
}

export class BasicAuth {
  constructor(private readonly rules: BasicAuthRules) {}

  /** @returns a verdict, at once where no file has to be asked */
  judge(exchange: Exchange, context: RequestContext): number | Promise<number> {
    const realm = this.rules.realm.text(exchange);
    if (realm === 'off') return DECLINED;
    const credentials = basicCredentials(exchange.request.joinedText(AUTHORIZATION));
    if (credentials === null) {
      logHere('info', 'no user/password was provided for basic authentication', exchange);
      return challenge(context, realm);
    }
    const { user, password } = credentials;
    const path = resolve(this.rules.folder, this.rules.file.text(exchange));
    return this.rules.users.check(path, user, password).then((verdict) => {
      // Nobody waits any more, and the head may be another request's by now.
      if (exchange.endedAt >= 0) return 500;
      if (verdict.kind === 'right') return GRANTED;
      const status = refuse(exchange, verdict, user, path);
      return status === 401 ? challenge(context, realm) : status;
    });
  }
}

function challenge(context: RequestContext, realm: string): number {
  context.leave().challenge = `Basic realm="${realm}"`;
  return 401;
}

/** The status that is due, with its line in the error log. */
function refuse(exchange: Exchange, verdict: UserVerdict, user: string, path: string): number {
  switch (verdict.kind) {
    case 'unknown-user':
      logHere('error', `user "${user}" was not found in "${path}"`, exchange);
      return 401;
    case 'wrong':
    case 'right':
      logHere('error', `user "${user}": password mismatch`, exchange);
      return 401;
    case 'unreadable': {
      const isAbsent = verdict.code === 'ENOENT';
      const text = `${verdict.call}() "${path}" failed (${systemWords(verdict.code)})`;
      logHere(isAbsent ? 'error' : 'crit', text, exchange);
      return isAbsent ? 403 : 500;
    }
    case 'unknown-form': {
      const hint = 'make it anew with "htpasswd -B" or "openssl passwd -6"';
      logHere('crit', `user "${user}": passwords of this form are not supported: ${hint}`, exchange);
      return 500;
    }
    case 'busy':
      logHere('error', 'too many passwords wait to be checked', exchange);
      return 503;
    case 'broken':
      logHere('crit', `user "${user}": the password could not be checked`, exchange);
      return 500;
  }
}
