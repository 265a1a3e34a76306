/**
 * Patterns of `include`: `*`, `?` and `[set]` in any component of a path, as glob(3) reads them. Decides whether a name
 * matches; leaves the reading of directories to the caller.
 */

/** Names in a directory, or undefined when it cannot be listed. */
export type ListDirectory = (path: string) => readonly string[] | undefined;

/** Whether a path is a pattern: nginx looks for any of these three octets. */
export function isGlob(path: string): boolean {
  return /[*?[]/.test(path);
}

/**
 * Paths that match, sorted by their octets as glob(3) does in the C locale.
 * @param pattern absolute path
 */
export function expandGlob(pattern: string, list: ListDirectory): string[] {
  let found = [''];
  for (const component of pattern.split('/').slice(1)) {
    if (!isGlob(component)) {
      found = found.map((path) => `${path}/${component.replace(/\\(.)/g, '$1')}`);
      continue;
    }
    const matches = componentMatcher(component);
    found = found.flatMap((path) =>
      (list(path === '' ? '/' : path) ?? []).filter(matches).map((name) => `${path}/${name}`),
    );
  }
  // A pattern may end in fixed components, which need not exist below every directory that matched before them.
  const exists = (path: string): boolean => {
    const slash = path.lastIndexOf('/');
    return (list(path.slice(0, slash) || '/') ?? []).includes(path.slice(slash + 1));
  };
  return found.filter(exists).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** A leading "." is matched only by a leading ".", so that editors' hidden files are not included. */
function componentMatcher(component: string): (name: string) => boolean {
  let source = '';
  for (let i = 0; i < component.length; i++) {
    const c = component[i];
    const set = c === '[' ? /^\[([!^]?)(\]?[^\]]*)\]/.exec(component.slice(i)) : null;
    if (set !== null && set[2] !== '') {
      source += `[${set[1] === '' ? '' : '^'}${set[2].replace(/[\\\]^[]/g, '\\$&')}]`;
      i += set[0].length - 1;
    } else if (c === '*') {
      source += '.*';
    } else if (c === '?') {
      source += '.';
    } else {
      const literal = c === '\\' && i + 1 < component.length ? component[++i] : c;
      source += literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    }
  }
  const expression = new RegExp(`^${source}$`, 's');
  return (name) => (!name.startsWith('.') || component.startsWith('.')) && expression.test(name);
}
