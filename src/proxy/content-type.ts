/**
 * `types` and `default_type`: the Content-Type of an answer made here, by what its path ends with.
 */
import type { OctetWriter } from '../bytes/octet-writer.js';
import type { Exchange } from '../machine/exchange.js';
import type { ValueSource } from '../message/field-edits.js';
import { contextOf } from './context.js';

/** The type of the path's extension, or another one. */
export class TypeByExtension implements ValueSource<Exchange> {
  /** @param types by extension, lower case */
  constructor(
    private readonly types: ReadonlyMap<string, string>,
    private readonly fallback: string,
  ) {}

  text(exchange: Exchange): string {
    const extension = extensionOf(contextOf(exchange).text());
    return (extension === '' ? undefined : this.types.get(extension)) ?? this.fallback;
  }

  put(exchange: Exchange, out: OctetWriter): void {
    out.putLatin1(this.text(exchange));
  }
}

/** What stands behind the last dot of a path's last segment, in lower case; '' for none (`ngx_http_set_exten`). */
function extensionOf(path: string): string {
  const dot = path.lastIndexOf('.');
  if (dot < 2 || path[dot - 1] === '/' || path.includes('/', dot)) return '';
  return path.slice(dot + 1).toLowerCase();
}
