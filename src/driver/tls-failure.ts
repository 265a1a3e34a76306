/**
 * What a TLS socket's error says, in the short form that nginx logs. Decides nothing.
 */

/**
 * OpenSSL's part of an error, `error:0A00010B:SSL routines::wrong version number`; else the error's code.
 */
export function failureText(error: NodeJS.ErrnoException): string {
  const { code = '' } = error;
  if (code !== '' && code !== 'EPROTO' && !code.startsWith('ERR_')) return code;
  const found = /error:([0-9A-F]{8}):([^:]*):[^:]*:([^:\r\n]*)/.exec(error.message);
  if (found === null) return code === '' ? error.message : code;
  return `error:${found[1]}:${found[2]}::${found[3]}`;
}
