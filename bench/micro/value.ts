/** Values of variables and of texts with variables in them: laid down as octets for a head, as text for a log line. */
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import type { Exchange } from '../../src/machine/exchange.js';
import { COMBINED, compileLogFormat } from '../../src/proxy/log-format.js';
import { compileMap } from '../../src/proxy/map.js';
import { compileTemplate } from '../../src/proxy/template.js';
import { builtinVariables, type VariableTable } from '../../src/proxy/variables.js';
import { exchangeOf, octetsOf } from '../../test/proxy/fixtures.js';
import { BROWSER_REQUEST } from '../fixtures.js';
import { check, checkSame, type Case, type Skipped, type Suite } from '../suite.js';

/** Values that heads usually get, and what they are for the request below. */
const HEAD_VALUES: readonly (readonly [template: string, value: string])[] = [
  ['$host', 'www.example.com'],
  ['$remote_addr', '192.0.2.1'],
  ['$proxy_add_x_forwarded_for', '203.0.113.9, 192.0.2.1'],
  ['$request_uri', '/news/index.html'],
  ['$uri', '/news/index.html'],
  ['$request', 'GET /news/index.html HTTP/1.1'],
  ['$http_user_agent', 'Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0'],
  ['$cookie_theme', 'dark'],
  ['$arg_item', ''],
  ['$status', '200'],
  ['$body_bytes_sent', '12'],
  ['$request_time', '0.001'],
  ['$http_upgrade', ''],
  ['$connection_upgrade', ''],
  ['$scheme://$host$request_uri', 'http://www.example.com/news/index.html'],
  ['a constant', 'a constant'],
];

/** As those who gather logs write it. */
const JSON_LINE =
  '{"time":"$time_iso8601","from":"$remote_addr","request":"$request","status":$status,"sent":$body_bytes_sent,' +
  '"took":$request_time,"agent":"$http_user_agent"}';
const JSON_MEMBERS =
  /,"request":"GET \/news\/index.html HTTP\/1.1","status":200,"sent":12,"took":0.001,"agent":"Moz/;

/** As the WebSocket guide of nginx has it. */
function variables(): VariableTable {
  const table = builtinVariables();
  const text = (of: string): ReturnType<typeof compileTemplate> => compileTemplate(of, table);
  const map = compileMap({
    source: text('$http_upgrade'),
    hostnames: false,
    isVolatile: false,
    entries: [{ pattern: '', value: text('') }],
    defaultValue: text('upgrade'),
  });
  table.define('connection_upgrade', map);
  return table;
}

/** The browser-like request, and an answer to it. */
function exchange(): Exchange {
  const text = BROWSER_REQUEST.octets.toString('latin1').trimEnd().replaceAll('\r\n', '\n');
  const made = exchangeOf(`${text}\nX-Forwarded-For: 203.0.113.9`);
  made.status = 200;
  made.octetsSent = 300;
  made.headOctetsSent = 288;
  made.endedAt = 2001;
  return made;
}

export const VALUE_SUITE: Suite = {
  name: 'value',
  about: 'variables and texts with variables, for heads and for log lines',
  cases(): Promise<{ cases: Case[]; skipped: Skipped[] }> {
    const table = variables();
    const templates = HEAD_VALUES.map(([text]) => compileTemplate(text, table));
    const format = compileLogFormat(COMBINED, 'default', table);
    const json = compileLogFormat(JSON_LINE, 'json', table);
    // Names of fields are known once everything that asks for them is compiled.
    const one = exchange();
    const out = new OctetWriter();
    const cases = HEAD_VALUES.map(([text, wanted], i): Case => {
      const template = templates[i];
      checkSame(`value of ${text}`, octetsOf(template, one), wanted);
      const run = (): void => {
        out.begin();
        template.put(one, out);
        out.rewind(out.octets, 0);
      };
      return { group: `octets of ${text}`, subject: 'wirehop', run };
    });
    check('a log line', / "GET \/news\/index.html HTTP\/1.1" 200 12 "-" "Mozilla/.test(format.text(one)));
    const sink = { write: (): void => undefined, append: (): void => undefined };
    cases.push({ group: 'log line, combined', subject: 'wirehop', run: () => format.log(one, sink) });
    check('a line in JSON', JSON_MEMBERS.test(json.text(one)));
    cases.push({ group: 'log line, JSON', subject: 'wirehop', run: () => json.log(one, sink) });
    return Promise.resolve({ cases, skipped: [] });
  },
};
