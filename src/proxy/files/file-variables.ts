/**
 * Variables of files: where the location in force looks for them. They change with the location, so none is kept.
 */
import type { Exchange } from '../../machine/exchange.js';
import { contextOf } from '../context.js';
import { logHere } from '../fault-lines.js';
import { systemWords } from '../system-words.js';
import type { Variable } from '../variables.js';
import type { FilePaths } from './file-paths.js';
import { realPathOf } from './symlinks.js';

function pathsOf(exchange: Exchange): FilePaths | undefined {
  const { location, server } = contextOf(exchange);
  return (location ?? server?.root)?.paths;
}

function documentRoot(exchange: Exchange): string {
  return pathsOf(exchange)?.rootOf(exchange) ?? '';
}

function realRoot(exchange: Exchange): string {
  const root = documentRoot(exchange);
  if (root === '') return '';
  try {
    return realPathOf(root);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
    logHere('crit', `realpath() "${root}" failed (${systemWords(code)})`, exchange);
    return '';
  }
}

function requestFilename(exchange: Exchange): string {
  return pathsOf(exchange)?.find(exchange, contextOf(exchange))?.path ?? '';
}

export const FILE_VARIABLES: Readonly<Record<string, Variable>> = {
  document_root: { text: documentRoot },
  realpath_root: { text: realRoot },
  request_filename: { text: requestFilename },
};
