/** A name server that answers from a table, on loopback. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { decode, encode, type Answer } from 'dns-packet';

/** `A name` and the like → records; absent names do not exist. */
export type Zone = Record<string, Answer[] | 'silence' | 'failure'>;

export class NameServer {
  /** Every question, as `A name`. */
  readonly asked: string[] = [];
  private readonly socket = dgram.createSocket('udp4');

  constructor(readonly zone: Zone) {
    this.socket.on('message', (message, { port, address }) => {
      const query = decode(message);
      const [question] = query.questions ?? [];
      const key = `${question.type} ${question.name}`;
      this.asked.push(key);
      const records = this.zone[key];
      if (records === 'silence') return;
      const exists = Object.keys(this.zone).some((one) => one.endsWith(` ${question.name}`));
      const code = records === 'failure' ? 2 : exists ? 0 : 3;
      const answer = encode({
        type: 'response',
        id: query.id!,
        // Recursion desired and available, and the code of RFC 1035 4.1.1.
        flags: 0x0180 | code,
        questions: [question],
        answers: Array.isArray(records) ? records : [],
      });
      this.socket.send(answer, port, address);
    });
  }

  /** Its address, once it listens. */
  async start(): Promise<string> {
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
    return `127.0.0.1:${(this.socket.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.socket.close();
    await once(this.socket, 'close');
  }
}

export function a(name: string, data: string, ttl = 60): Answer {
  return { type: 'A', name, data, ttl };
}

export function aaaa(name: string, data: string, ttl = 60): Answer {
  return { type: 'AAAA', name, data, ttl };
}

export function srv(name: string, target: string, port: number, priority = 0, weight = 0): Answer {
  return { type: 'SRV', name, ttl: 60, data: { target, port, priority, weight } };
}
