/** Rewriting: laying down the head that goes on, by number of edits and of fields. */
import { OctetWriter } from '../../src/bytes/octet-writer.js';
import { ConstantValue, FieldEdits, fieldSet, type ValueSource } from '../../src/message/field-edits.js';
import { FIELD_NAMES } from '../../src/message/field-names.js';
import type { Head } from '../../src/message/head.js';
import { HEAD_COMPLETE, HeadReader } from '../../src/wire/http1/head-reader.js';
import { writeRequestHead, writeResponseHead } from '../../src/wire/http1/head-writer.js';
import { TYPE_REQUEST, TYPE_RESPONSE } from '../../src/wire/http1/llhttp.js';
import { REQUESTS, RESPONSES, type HeadFixture } from '../fixtures.js';
import { check, type Case, type Skipped, type Suite } from '../suite.js';

const LIMITS = { maxLineOctets: 8192, maxHeadOctets: 32768, maxFields: 1000 };

/** `$proxy_add_x_forwarded_for`, as a value that depends on the message. */
class ForwardedFor implements ValueSource<Head> {
  private readonly id = FIELD_NAMES.intern('x-forwarded-for');
  private readonly address = new ConstantValue('192.0.2.60');
  put(head: Head, out: OctetWriter): void {
    const received = head.findField(this.id);
    if (received >= 0) out.putLatin1(`${head.valueText(received)}, `);
    this.address.put(head, out);
  }
}

/** A field of the request as received, or nothing. */
class ReceivedField implements ValueSource<Head> {
  private readonly id: number;
  constructor(name: string) {
    this.id = FIELD_NAMES.intern(name);
  }
  put(head: Head, out: OctetWriter): void {
    const received = head.findField(this.id);
    if (received >= 0) out.putLatin1(head.valueText(received));
  }
}

/** What proxies usually set, the most usual first. */
const EDITS = [
  fieldSet<Head>('Host', 'upstream.example'),
  fieldSet<Head>('X-Forwarded-For', new ForwardedFor()),
  fieldSet<Head>('X-Real-IP', '192.0.2.60'),
  fieldSet<Head>('X-Forwarded-Proto', 'https'),
  fieldSet<Head>('X-Forwarded-Host', new ReceivedField('host')),
  fieldSet<Head>('Upgrade', new ReceivedField('upgrade')),
  fieldSet<Head>('X-Forwarded-Port', '443'),
  fieldSet<Head>('X-Request-Source', 'edge'),
];

/** Numbers of edits that are measured. */
const EDIT_COUNTS = [0, 4, 8] as const;

function read(fixture: HeadFixture): Head {
  const reader = new HeadReader(fixture.kind === 'request' ? TYPE_REQUEST : TYPE_RESPONSE);
  reader.reset();
  const answer = reader.read(fixture.octets, 0, fixture.octets.length, LIMITS);
  check(`${fixture.kind} ${fixture.name} is a whole head`, answer === HEAD_COMPLETE);
  return reader.head;
}

/** What `write` lays down, as text; the writer is rewound. */
function written(out: OctetWriter, write: () => void): string {
  write();
  const text = out.octets.toString('latin1', out.start, out.position);
  out.rewind(out.octets, 0);
  return text;
}

function requestCase(fixture: HeadFixture, editCount: number): Case {
  const head = read(fixture);
  const edits = new FieldEdits<Head>([], EDITS.slice(0, editCount));
  const out = new OctetWriter();
  const write = (): void => {
    out.begin();
    writeRequestHead(out, head, edits, null, 1, head, false);
  };
  const text = written(out, write);
  const lines = text.split('\r\n');
  const group = `request, ${fixture.fields} fields, ${editCount} edits`;
  check(`${group}: start line`, lines[0] === fixture.octets.toString('latin1').split('\r\n')[0]);
  check(`${group}: ends in an empty line`, text.endsWith('\r\n\r\n'));
  if (editCount > 0) check(`${group}: Host is set`, lines[1] === 'Host: upstream.example');
  return {
    group,
    subject: 'wirehop',
    run: () => {
      write();
      out.rewind(out.octets, 0);
    },
  };
}

function responseCase(fixture: HeadFixture, added: number): Case {
  const head = read(fixture);
  const hidden = added > 0 ? ['Date', 'Server'] : [];
  const edits = new FieldEdits<Head>(
    hidden,
    [],
    [
      fieldSet<Head>('Server', 'wirehop', true),
      fieldSet<Head>('Date', 'Sat, 22 Nov 2025 12:00:00 GMT', true),
    ].slice(0, added),
  );
  const options = { edits, isChunked: false, closes: false, switches: false, keepsLength: true };
  const out = new OctetWriter();
  const write = (): void => {
    out.begin();
    writeResponseHead(out, head, options, head);
  };
  const group = `response, ${fixture.fields} fields, ${added} edits`;
  const text = written(out, write);
  check(`${group}: content length stays`, text.includes('\r\nContent-Length: 12\r\n'));
  check(`${group}: connection is kept`, text.endsWith('Connection: keep-alive\r\n\r\n') !== added > 0);
  return {
    group,
    subject: 'wirehop',
    run: () => {
      write();
      out.rewind(out.octets, 0);
    },
  };
}

export const EDIT_SUITE: Suite = {
  name: 'edit',
  about: 'rewriting heads: 0, 4 and 8 edits over 5, 14 and 40 fields; responses',
  cases(): Promise<{ cases: Case[]; skipped: Skipped[] }> {
    const cases: Case[] = [];
    for (const fixture of [REQUESTS.plain, REQUESTS.browser, REQUESTS.cookies]) {
      for (const count of EDIT_COUNTS) cases.push(requestCase(fixture, count));
    }
    for (const fixture of [RESPONSES.plain, RESPONSES.cookies]) {
      for (const added of [0, 2]) cases.push(responseCase(fixture, added));
    }
    return Promise.resolve({ cases, skipped: [] });
  },
};
