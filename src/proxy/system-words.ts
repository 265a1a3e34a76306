/**
 * Numbers and words of the system's errors, as Linux has them and nginx prints them.
 */
const WORDS: Readonly<Record<string, string>> = {
  EPERM: '1: Operation not permitted',
  ENOENT: '2: No such file or directory',
  EIO: '5: Input/output error',
  ENXIO: '6: No such device or address',
  EACCES: '13: Permission denied',
  ENOTDIR: '20: Not a directory',
  EISDIR: '21: Is a directory',
  ENFILE: '23: Too many open files in system',
  EMFILE: '24: Too many open files',
  EPIPE: '32: Broken pipe',
  ENAMETOOLONG: '36: File name too long',
  ELOOP: '40: Too many levels of symbolic links',
  EADDRINUSE: '98: Address already in use',
  EADDRNOTAVAIL: '99: Cannot assign requested address',
  ENETUNREACH: '101: Network is unreachable',
  ECONNABORTED: '103: Software caused connection abort',
  ECONNRESET: '104: Connection reset by peer',
  ETIMEDOUT: '110: Connection timed out',
  ECONNREFUSED: '111: Connection refused',
  EHOSTUNREACH: '113: No route to host',
};

/** `2: No such file or directory` for ENOENT; the code itself for one that is not known. */
export function systemWords(code: string): string {
  return WORDS[code] ?? code;
}
