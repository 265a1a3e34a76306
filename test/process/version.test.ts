/** Proves that -V claims exactly what the configuration compiler knows. */
import { expect } from 'chai';
import { knowsDirective } from '../../src/config/compile.js';
import { fullVersion, ownVersion } from '../../src/process/version.js';

function claims(knows: (name: string) => boolean): string[] {
  return (/^configure arguments: (.*)$/m.exec(fullVersion(knows))?.[1] ?? '').split(' ');
}

describe('version', () => {
  it('claims nothing when nothing is known: every standard module is named as absent', () => {
    const all = claims(() => false);
    expect(all.every((argument) => /^--without-http_\w+_module$/.test(argument))).to.equal(true);
    expect(all).to.include.members(['--without-http_proxy_module', '--without-http_map_module']);
    expect(fullVersion(() => false)).not.to.match(/OpenSSL|SNI/);
  });

  it('claims a module when all its directives are known, and TLS only then', () => {
    expect(claims(() => true)).to.include('--with-http_ssl_module');
    expect(claims(() => true)).not.to.include('--without-http_proxy_module');
    expect(claims(() => true)).to.include('--without-http_fastcgi_module');
    expect(fullVersion(() => true)).to.match(/^built with OpenSSL .*\nTLS SNI support enabled$/m);
    expect(claims((name) => name !== 'rewrite')).to.include('--without-http_rewrite_module');
    expect(claims((name) => name !== 'ssl_certificate_key')).not.to.include('--with-http_ssl_module');
  });

  it('claims no module of which only "off" is known', () => {
    expect(claims((name) => name !== 'auth_request_set')).not.to.include('--with-http_auth_request_module');
    expect(claims((name) => name !== 'auth_basic_user_file')).to.include('--without-http_auth_basic_module');
    expect(claims(knowsDirective)).to.include('--with-http_auth_request_module');
    expect(claims(knowsDirective)).not.to.include('--without-http_auth_basic_module');
    expect(claims(knowsDirective)).to.include('--without-http_gzip_module');
  });

  it("has nginx's form", () => {
    expect(fullVersion(knowsDirective)).to.match(
      new RegExp(
        `^wirehop version: wirehop/${ownVersion()}\nnginx version: nginx/[\\d.]+ \\(wirehop\\)\n[^]*\nconfigure arguments: [^\n]+\n$`,
      ),
    );
  });
});
