/**
 * What a service manager such as systemd is told and gives: notifications (NOTIFY_SOCKET) and sockets (LISTEN_FDS).
 * Decides nothing; see sd_notify(3) and sd_listen_fds(3).
 *
 * Node has no unix datagram sockets, so notifications are sent by systemd-notify(1). To the manager they come from that
 * process: a unit needs `NotifyAccess=all`.
 */
import { execFile } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { adoptSocket, closeSocket, socketName } from '../driver/bound-socket.js';
import type { BoundSocket } from '../driver/transport.js';
import type { ErrorLog } from '../proxy/model.js';

const NOTIFY_LIMIT_MS = 5000;
/** SD_LISTEN_FDS_START. */
const FIRST_SOCKET = 3;

/** Tells the service manager, if there is one that wants to know. */
export class ServiceManager {
  private readonly wants = process.env.NOTIFY_SOCKET !== undefined;
  private readonly environment = { ...process.env };
  private sending: Promise<void> = Promise.resolve();
  private hasFailed = false;

  constructor() {
    // Neither is for workers.
    for (const name of ['NOTIFY_SOCKET', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'])
      delete process.env[name];
  }

  /** Serving: after the start, and after each reload, whatever came of it. */
  ready(log: ErrorLog): Promise<void> {
    return this.notify(log, 'READY=1', `MAINPID=${process.pid}`);
  }

  reloading(log: ErrorLog): Promise<void> {
    return this.notify(log, 'RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(log: ErrorLog): Promise<void> {
    return this.notify(log, 'STOPPING=1');
  }

  /** One after the other: the order is the meaning. */
  private notify(log: ErrorLog, ...words: readonly string[]): Promise<void> {
    if (!this.wants) return Promise.resolve();
    return (this.sending = this.sending.then(() => this.send(log, words)));
  }

  private send(log: ErrorLog, words: readonly string[]): Promise<void> {
    return new Promise((resolve) => {
      const options = { timeout: NOTIFY_LIMIT_MS, env: this.environment };
      execFile('systemd-notify', words, options, (error) => {
        if (error !== null && !this.hasFailed) {
          this.hasFailed = true;
          log.log('warn', `the service manager cannot be told "${words[0]}": ${error.message.trim()}`);
        }
        resolve();
      });
    });
  }
}

/**
 * The sockets that were handed to this process, by address as `addressText` has it. Each belongs to the caller. What is no
 * listening socket of a kind that can be used is closed, with a line in the log.
 */
export function inheritedSockets(log: ErrorLog): Map<string, BoundSocket> {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  const sockets = new Map<string, BoundSocket>();
  if (LISTEN_PID !== String(process.pid) || !/^\d{1,4}$/.test(LISTEN_FDS ?? '')) return sockets;
  for (let fd = FIRST_SOCKET; fd < FIRST_SOCKET + Number(LISTEN_FDS); fd++) {
    const socket = adoptSocket(fd);
    const name = socket === null ? '' : socketName(socket) || pathOfSocket(fd);
    if (socket !== null && name !== '' && !sockets.has(name)) {
      sockets.set(name, socket);
      continue;
    }
    log.log('warn', `the socket handed over as descriptor ${fd} cannot be used, ignored`);
    if (socket !== null) closeSocket(socket);
  }
  return sockets;
}

/** Where a unix socket is bound, as `unix:PATH`, or '' (proc_pid_net(5): the inode is the seventh column). */
function pathOfSocket(fd: number): string {
  try {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`)) ?? [];
    for (const line of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
      const columns = line.trim().split(/\s+/);
      if (columns[6] === inode && columns[7]?.startsWith('/')) return `unix:${columns.slice(7).join(' ')}`;
    }
  } catch {
    // Without /proc a path cannot be known.
  }
  return '';
}
