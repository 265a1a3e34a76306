/**
 * Conditional requests (RFC 9110 13), as nginx reads them (`ngx_http_not_modified_filter_module.c`).
 */
import { FIELD_NAMES } from '../../message/field-names.js';
import type { Head } from '../../message/head.js';
import { parseHttpTime } from '../http-time.js';

const IF_MATCH = FIELD_NAMES.intern('if-match');
const IF_NONE_MATCH = FIELD_NAMES.intern('if-none-match');
const IF_MODIFIED_SINCE = FIELD_NAMES.intern('if-modified-since');
const IF_UNMODIFIED_SINCE = FIELD_NAMES.intern('if-unmodified-since');

/** if_modified_since. */
export type ModifiedRule = 'exact' | 'before' | 'off';

/**
 * What the conditions of a request come to: 200, 304 or 412.
 * @param modified seconds since 1970
 * @param etag with its quotes, '' for none
 */
export function judge(request: Head, modified: number, etag: string, rule: ModifiedRule): 200 | 304 | 412 {
  if (
    request.findField(IF_UNMODIFIED_SINCE) >= 0 &&
    parseHttpTime(request.joinedText(IF_UNMODIFIED_SINCE)) < modified
  ) {
    return 412;
  }
  if (request.findField(IF_MATCH) >= 0 && !names(request.joinedText(IF_MATCH), etag, false)) return 412;
  const hasTime = request.findField(IF_MODIFIED_SINCE) >= 0;
  const hasTags = request.findField(IF_NONE_MATCH) >= 0;
  if (!hasTime && !hasTags) return 200;
  if (hasTime && isModified(request.joinedText(IF_MODIFIED_SINCE), modified, rule)) return 200;
  if (hasTags && !names(request.joinedText(IF_NONE_MATCH), etag, true)) return 200;
  return 304;
}

function isModified(since: string, modified: number, rule: ModifiedRule): boolean {
  if (rule === 'off') return true;
  const time = parseHttpTime(since);
  return rule === 'exact' ? time !== modified : time < modified;
}

/** Whether a list of entity tags names one. @param isWeak `W/` in front of a member is of no account */
function names(list: string, etag: string, isWeak: boolean): boolean {
  if (list === '*') return true;
  if (etag === '') return false;
  return list.split(',').some((member) => {
    const tag = member.replace(/^[ \t]+|[ \t]+$/g, '');
    return tag === etag || (isWeak && tag.startsWith('W/') && tag.slice(2) === etag);
  });
}
