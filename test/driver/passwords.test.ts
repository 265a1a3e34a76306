/**
 * Passwords in user files: hashes against those that others made, and how the checker works them out.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hashSync } from '../../src/driver/passwords/bcryptjs.js';
import { PasswordChecker } from '../../src/driver/passwords/checker.js';
import { md5Crypt, shaCrypt } from '../../src/driver/passwords/crypt.js';
import { matches, speedOf } from '../../src/driver/passwords/schemes.js';
import { readUsers, UserFileService } from '../../src/driver/passwords/user-files.js';

/** Made by the C library's crypt(), but for the schemes in braces. */
const MADE: readonly (readonly [password: string, stored: string])[] = [
  ['Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['Hello world!', '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
  [
    'Hello world!',
    '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
  ],
  ['pw', '$2y$05$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q'],
  ['secret', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
  ['plain text', '{PLAIN}plain text'],
  ['', '{PLAIN}'],
];

function openssl(form: string, password: string, salt: string): string {
  return execFileSync('openssl', ['passwd', `-${form}`, '-salt', salt, password], {
    encoding: 'utf8',
  }).trim();
}

describe('passwords', () => {
  it('known hashes match their passwords, and no other', () => {
    for (const [password, stored] of MADE) {
      expect(matches(password, stored), stored).to.equal(true);
      expect(matches(`${password} `, stored), stored).to.equal(false);
      expect(matches(password, `${stored}x`), stored).to.equal(false);
    }
  });

  it('hashes of crypt(3) are those of openssl, for passwords of every kind of length', () => {
    for (const length of [1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128]) {
      const octets = Buffer.from('Pa55 word/'.repeat(13)).subarray(0, length);
      const password = octets.toString('utf8');
      for (const form of ['apr1', '1', '5', '6']) {
        const made = openssl(form, password, 'salt./Zz');
        const own =
          form.length > 1 || form === '1' ? md5Crypt(octets, made, `$${form}$`) : shaCrypt(octets, made);
        expect(own, `${form}, ${length} octets`).to.equal(made);
      }
    }
  }).timeout(20_000);

  it('too few rounds are a thousand', () => {
    const password = 'the minimum number is still observed';
    const made = openssl('5', password, 'rounds=10$roundstoolow');
    expect(made).to.match(/^\$5\$rounds=1000\$/);
    expect(shaCrypt(Buffer.from(password), '$5$rounds=10$roundstoolow$x')).to.equal(made);
  });

  it('salted SHA-1 takes what stands behind the digest for the salt', () => {
    // printf 'pw'salt | openssl dgst -sha1, and the salt behind it.
    const stored = `{SSHA}${Buffer.concat([
      execFileSync('openssl', ['dgst', '-sha1', '-binary'], { input: 'pwsalt' }),
      Buffer.from('salt'),
    ]).toString('base64')}`;
    expect(matches('pw', stored)).to.equal(true);
    expect(matches('pws', stored)).to.equal(false);
    expect(matches('', '{SSHA}')).to.equal(false);
  });

  it('bcrypt takes octets as they came, and no UTF-8 that is none', () => {
    const stored = hashSync('wörd', 4)!;
    expect(matches(Buffer.from('wörd').toString('latin1'), stored)).to.equal(true);
    expect(matches('w\xf6rd', stored)).to.equal(false);
    expect(matches('w', '$2y$99$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q')).to.equal(false);
  });

  const FORMS: readonly (readonly [stored: string, speed: string])[] = [
    ['abzlUXK5ed5rs', 'unknown'],
    ['$y$j9T$abcdefgh$UGYCVcUwcoG0k8SZZ.Uz3i0RYQNy1YmYj4I4poBPer2', 'unknown'],
    ['$7$C6..../....SodiumChloride$x', 'unknown'],
    ['', 'quick'],
    ['junk', 'quick'],
    ['{MD5}x', 'quick'],
    ['$apr1$salt$x', 'slow'],
  ];
  for (const [stored, speed] of FORMS) {
    it(`"${stored}" is ${speed}`, () => expect(speedOf(stored)).to.equal(speed));
  }

  it("a file is read by nginx's rules", () => {
    const users = readUsers(
      '# a comment\nname:{PLAIN}pw:with a comment\r\nname:second\n\nno colon\r\n#x:y\n:nobody\nlast:{PLAIN}x',
    );
    expect([...users]).to.deep.equal([
      ['name', '{PLAIN}pw'],
      ['', 'nobody'],
      ['last', '{PLAIN}x'],
    ]);
  });
});

describe('the checker of passwords', () => {
  let checker: PasswordChecker;
  beforeEach(() => (checker = new PasswordChecker()));
  afterEach(() => checker.close());

  it('works slow hashes out beside: timers go on meanwhile', async () => {
    const stored = hashSync('pw', 10)!;
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    const verdicts = await Promise.all([checker.check('pw', stored), checker.check('no', stored)]);
    clearInterval(timer);
    expect(verdicts).to.deep.equal(['right', 'wrong']);
    expect(ticks).to.be.above(3);
  });

  it('remembers that a password was right, by its form and not by the user', async () => {
    const stored = hashSync('pw', 11)!;
    expect(await checker.check('pw', stored)).to.equal('right');
    const begun = performance.now();
    for (let i = 0; i < 100; i++) expect(await checker.check('pw', stored)).to.equal('right');
    expect(performance.now() - begun).to.be.below(100);
    expect(await checker.check('pw', hashSync('other', 4)!)).to.equal('wrong');
  });

  it('the same question is asked once, and too many different ones are refused', async () => {
    const stored = hashSync('pw', 4)!;
    const asked = Array.from({ length: 600 }, (_, i) => checker.check(`guess ${i}`, stored));
    const again = checker.check('guess 0', stored);
    const verdicts = await Promise.all(asked);
    expect(verdicts.filter((verdict) => verdict === 'busy')).to.have.length(600 - 512);
    expect(verdicts.filter((verdict) => verdict === 'wrong')).to.have.length(512);
    expect(await again).to.equal('wrong');
    expect(await checker.check('pw', stored)).to.equal('right');
  }).timeout(20_000);

  it('a thread that ends is no answer, and the next question gets a new one', async () => {
    const stored = hashSync('pw', 12)!;
    const lost = checker.check('pw', stored);
    checker.close();
    expect(await lost).to.equal('broken');
    expect(await checker.check('pw', hashSync('pw', 4)!)).to.equal('right');
  });
});

describe('user files', () => {
  let folder: string;
  let service: UserFileService;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'wirehop-users-'));
    service = new UserFileService();
  });
  afterEach(() => {
    service.close();
    rmSync(folder, { recursive: true });
  });
  const kind = async (path: string, user = 'u', password = 'pw'): Promise<string> => {
    const verdict = await service.check(path, user, password);
    return 'code' in verdict ? `${verdict.call} ${verdict.code}` : verdict.kind;
  };

  it('a change holds at once, however it is made', async () => {
    const path = join(folder, 'users');
    writeFileSync(path, 'u:{PLAIN}pw\n');
    expect(await kind(path)).to.equal('right');
    // Of the same length, in the same tick of the clock.
    for (let i = 0; i < 20; i++) {
      writeFileSync(path, `u:{PLAIN}p${i % 10}\n`);
      expect(await kind(path)).to.equal('wrong');
      expect(await kind(path, 'u', `p${i % 10}`)).to.equal('right');
    }
    writeFileSync(`${path}.new`, 'v:{PLAIN}pw\n');
    renameSync(`${path}.new`, path);
    expect(await kind(path)).to.equal('unknown-user');
    rmSync(path);
    expect(await kind(path)).to.equal('open ENOENT');
    writeFileSync(path, 'u:{PLAIN}pw\n');
    expect(await kind(path)).to.equal('right');
  });

  it('an old file is changed, and its old date put back', async () => {
    const path = join(folder, 'users');
    const old = new Date(Date.now() - 3_600_000);
    const put = (text: string): void => {
      writeFileSync(path, text);
      utimesSync(path, old, old);
    };
    put('u:{PLAIN}pw\n');
    expect(await kind(path)).to.equal('right');
    put('u:{PLAIN}qw\n');
    expect(await kind(path)).to.equal('wrong');
  });

  it('a folder, and what is not there', async () => {
    expect(await kind(folder)).to.equal('pread EISDIR');
    expect(await kind(join(folder, 'none'))).to.equal('open ENOENT');
    expect(await kind(join(folder, 'x'.repeat(300)))).to.equal('open ENAMETOOLONG');
  });
});
