/**
 * Logs at a syslog server: one UDP datagram for each line, in the form of RFC 3164 that nginx sends. What cannot be sent
 * is lost, as UDP is, and nothing waits for it.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import type { OpenSyslog, SyslogTarget } from '../config/build/site.js';
import { LOG_LEVELS, type ErrorLog, type LogLevel, type LogSink } from '../proxy/model.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** nginx cuts lines at this. */
const LONGEST_LINE = 2048;

/** One log at one server. */
class SyslogLog implements LogSink, ErrorLog {
  private readonly limit: number;
  private readonly priority: number;

  constructor(
    private readonly target: SyslogTarget,
    private readonly socket: Socket,
    level: LogLevel,
  ) {
    this.limit = LOG_LEVELS.indexOf(level);
    this.priority = target.facility * 8;
  }

  write(line: string): void {
    this.send(this.target.severity, Buffer.from(line, 'latin1'));
  }

  log(level: LogLevel, text: string): void {
    const severity = LOG_LEVELS.indexOf(level);
    if (severity <= this.limit) this.send(severity, Buffer.from(text));
  }

  private send(severity: number, line: Buffer): void {
    const { host, port } = this.target;
    const start = Buffer.from(syslogStart(this.target, this.priority + severity, new Date()));
    this.socket.send([start, line.subarray(0, LONGEST_LINE)], port, host, () => {
      // Lost, as it may be on its way too.
    });
  }
}

/** `<190>Nov 22 15:04:05 host tag: ` */
function syslogStart({ tag, hasHostName }: SyslogTarget, priority: number, date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2, ' ')}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `<${priority}>${day} ${time} ${hasHostName ? `${hostname()} ` : ''}${tag}: `;
}

/** Opens logs that share one socket for each family. The sockets keep no process alive. */
export function syslogOpener(): OpenSyslog {
  const sockets = new Map<string, Socket>();
  return (target, level = 'debug') => {
    const family = isIPv6(target.host) ? 'udp6' : 'udp4';
    let socket = sockets.get(family);
    if (socket === undefined) {
      sockets.set(family, (socket = createSocket(family)));
      socket.unref();
      socket.on('error', () => undefined);
    }
    return new SyslogLog(target, socket, level);
  };
}
