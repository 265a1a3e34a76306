/**
 * Reason phrases and the built-in page: what wirehop says when nobody configured anything else. Decides words only;
 * leaves to others when such an answer is due.
 */

/**
 * Phrases as nginx sends them: programs match on `405 Not Allowed` and its like. 494 to 497 are statuses that nginx uses
 * inside; on the wire they are 400 (see {@link wireStatus}).
 */
export const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  206: 'Partial Content',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Time-out',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  505: 'HTTP Version Not Supported',
  507: 'Insufficient Storage',
};

/** Titles of pages that differ from the status line, as nginx has them. */
const TITLES: Readonly<Record<number, string>> = {
  302: '302 Found',
  401: '401 Authorization Required',
};

/** What the pages of nginx's inner statuses say below their heading, which is that of 400. */
const INNER_400: Readonly<Record<number, string>> = {
  494: 'Request Header Or Cookie Too Large',
  495: 'The SSL certificate error',
  496: 'No required SSL certificate was sent',
  497: 'The plain HTTP request was sent to HTTPS port',
};

/** The reason phrase of a status line, or '' for a status that nginx knows no phrase for. Constant text, ASCII. */
export function reasonPhrase(status: number): string {
  return REASONS[wireStatus(status)] ?? '';
}

/** The status that goes on the wire: nginx's inner 494 to 497 are all 400 there. */
export function wireStatus(status: number): number {
  return INNER_400[status] === undefined ? status : 400;
}

const pages = new Map<number, Buffer>();

/**
 * The page for a status: HTML in ASCII, so `text/html`. Made once per status and shared: never write to it. Empty below
 * 300, for 304 (RFC 9110 15.4.5: no content), for 444, which closes the connection without an answer, and for statuses
 * without a reason phrase.
 */
export function builtInPage(status: number): Buffer {
  let page = pages.get(status);
  if (page === undefined) pages.set(status, (page = Buffer.from(pageText(status), 'latin1')));
  return page;
}

function pageText(status: number): string {
  const phrase = reasonPhrase(status);
  if (status < 300 || status === 304 || phrase === '') return '';
  const inner = INNER_400[status];
  const heading = TITLES[status] ?? `${wireStatus(status)} ${phrase}`;
  const title = inner === undefined ? heading : `400 ${inner}`;
  const detail = inner === undefined ? '' : `<center>${inner}</center>\r\n`;
  return (
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${heading}</h1></center>\r\n` +
    `${detail}<hr><center>wirehop</center>\r\n</body>\r\n</html>\r\n`
  );
}
