// Commands whose end is not known. None is ever sent with a new id, and none is sent again after
// its time, so that nothing runs twice or late.

import type { Json } from './fill.js';
import type { CmdArgs, CmdTarget, CommandResult, Err } from './proto.gen.js';
import type { Refusal, Told } from './told.js';

/** A command as the program gives it. */
export interface Order {
  /** UUIDv7. */
  id: string;
  op: string;
  target?: Partial<CmdTarget>;
  args?: Partial<CmdArgs>;
  if?: { rev: number };
  /** Not to be begun later than this after now, ms. */
  within_ms: number;
}

/** The server takes no more into the future. */
const WITHIN_MS_MAX = 60_000;
/** Ids in `hello`: it may have 4 KiB at most, and a token stands in it too. The server takes 64. */
const PENDING_MAX = 32;
/** Wait before a command is sent again that the server could neither take nor refuse. */
const AGAIN_MS = 1000;

interface Pending {
  frame: Json;
  /** By our clock, ms. */
  deadline: number;
  sent: boolean;
  /** When to send it again. */
  again?: number;
}

export class Orders {
  #all = new Map<string, Pending>();
  /** Server time minus ours, ms; known while there is a socket that was welcomed. */
  #ahead: number | null = null;
  #send: (frame: Json) => void;
  #tell: (told: Told) => void;

  constructor(send: (frame: Json) => void, tell: (told: Told) => void) {
    this.#send = send;
    this.#tell = tell;
  }

  give(now: number, order: Order): void {
    const { id, op, target, args } = order;
    const frame: Json = { t: 'cmd', id, op };
    if (target) frame['target'] = target;
    if (args) frame['args'] = args;
    if (order.if) frame['if'] = order.if;
    const deadline = now + Math.min(order.within_ms, WITHIN_MS_MAX);
    this.#all.set(id, { frame, deadline, sent: false });
    this.tick(now);
  }

  /** Ids that the server may have seen. */
  pending(): string[] {
    const sent = [...this.#all].filter(([, order]) => order.sent).map(([id]) => id);
    return sent.slice(0, PENDING_MAX);
  }

  lost(): void {
    this.#ahead = null;
    for (const order of this.#all.values()) delete order.again;
  }

  /** There will be no other socket. */
  closed(): void {
    for (const [id, order] of this.#all) {
      const msg = order.sent ? 'the desk was closed before the result' : 'the desk is closed';
      this.#refuse(id, { code: 'CLOSED', msg, retryable: false, nothing_done: !order.sent });
    }
  }

  welcome(now: number, time: string, results: CommandResult[]): void {
    const ahead = Date.parse(time) - now;
    if (Number.isNaN(ahead)) throw new TypeError('welcome.time is no time');
    this.#ahead = ahead;
    for (const result of results) {
      const order = this.#all.get(result.id);
      if (!order) continue;
      if (result.status === 'unseen') order.sent = false;
      else if (result.status === 'accepted') this.#accepted(result.id, '');
      else this.result(result);
    }
    // What the server said nothing about is asked for by its id: a known command is only answered.
    for (const [id, order] of this.#all) {
      const asked = results.some((result) => result.id === id && result.status === 'accepted');
      if (order.sent && !asked) this.#give(order);
    }
    this.tick(now);
  }

  ack(id: string, pos: string): void {
    this.#accepted(id, pos);
  }

  result(result: CommandResult): void {
    if (this.#all.delete(result.id)) this.#tell({ is: 'result', result });
  }

  /** `false`: this is not about a command. */
  err(now: number, err: Err, details: unknown): boolean {
    const order = this.#all.get(err.ref);
    if (!order) return false;
    const { code, msg, retryable } = err;
    // INTERNAL alone leaves open whether it was taken: the same id asks again without harm.
    const open = code === 'INTERNAL';
    if (open && now + AGAIN_MS < order.deadline) {
      order.again = now + AGAIN_MS;
      return true;
    }
    const refusal = { code, msg, retryable, nothing_done: !open };
    this.#refuse(err.ref, details === undefined ? refusal : { ...refusal, details });
    return true;
  }

  wakeAt(): number {
    const due = (o: Pending) => o.again ?? (o.sent ? Infinity : o.deadline);
    return Math.min(...[...this.#all.values()].map(due), Infinity);
  }

  tick(now: number): void {
    for (const [id, order] of this.#all) {
      if (!order.sent && now >= order.deadline) this.#expired(id);
      else if (!order.sent || (order.again ?? Infinity) <= now) this.#give(order);
    }
  }

  #give(order: Pending): void {
    if (this.#ahead === null) return;
    // Once said, it stays: a command that is sent again may not become a later one.
    order.frame['not_after'] ??= new Date(order.deadline + this.#ahead).toISOString();
    order.sent = true;
    delete order.again;
    this.#send(order.frame);
  }

  #accepted(id: string, pos: string): void {
    const order = this.#all.get(id);
    if (!order) return;
    delete order.again;
    this.#tell({ is: 'ack', id, pos });
  }

  #expired(id: string): void {
    const msg = 'there was no connection in time';
    this.#refuse(id, { code: 'EXPIRED', msg, retryable: false, nothing_done: true });
  }

  #refuse(id: string, refusal: Refusal): void {
    this.#all.delete(id);
    this.#tell({ is: 'refused', id, refusal });
  }
}
