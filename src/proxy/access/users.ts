/**
 * What basic authentication asks about a user file. The driver's room reads and hashes behind it; tests answer by hand.
 */

/** What became of a name and a password. */
export type UserVerdict =
  | { readonly kind: 'right' | 'wrong' | 'unknown-user' | 'unknown-form' | 'busy' | 'broken' }
  /** `call` is the system call that failed, `code` the system's: ENOENT. */
  | { readonly kind: 'unreadable'; readonly call: string; readonly code: string };

/** Looks users up in files, as they are at that moment. */
export interface UserFiles {
  /**
   * Never rejects.
   * @param path absolute
   * @param user its octets as Latin-1
   * @param password as `user`
   */
  check(path: string, user: string, password: string): Promise<UserVerdict>;
}
