/** nginx with a configuration of a test's, to hold answers against. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onCleanUp, temporaryFolder, until } from '../e2e/harness.js';

const NGINX = '/usr/sbin/nginx';

/** Whether nginx is here. */
export const HAS_NGINX = existsSync(NGINX);

/** Runs nginx with this content of `http` until the clean-up. @returns its folder */
export async function startNginx(http: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid nginx.pid; error_log error.log info; events {}
     http { access_log off; ${temporary} ${http} }`,
  );
  const child = spawn(NGINX, ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('close', resolve));
  onCleanUp(() => {
    child.kill('SIGKILL');
    return ended;
  });
  await until('nginx', () => existsSync(join(folder, 'nginx.pid')));
  return folder;
}
