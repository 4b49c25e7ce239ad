// The protocol as a machine: what comes in from the socket, the clock and the program goes in, what
// is to be done comes out. No socket, timer or randomness of its own, so that proto/vectors plays it
// on a clock of its own. `now` is in ms; the rules are those of docs/desk-protocol.md.

import { fill, type Json } from './fill.js';
import { Follow } from './follow.js';
import { Orders, type Order } from './orders.js';
import type { StatusChange, Told } from './told.js';

/** One subscription. */
export interface Sub {
  /** Name of your own, unique on this desk. */
  id: string;
  topic: string;
  /** full | masked; without it the best that the role allows. */
  view?: string;
  /** Labels and the values that are wanted. */
  filter?: Record<string, string[]>;
}

/**
 * A token, or a ticket that is good once. Empty: a client certificate says who this is. A ticket
 * cannot refresh: the next connection has another.
 */
export type Token = string | { ticket: string };

export interface CoreOptions {
  client: { name: string; ver: string; inst: string };
  subs: Sub[];
  /** Optional features, e.g. `batch`. */
  caps: string[];
  /** Longest first wait after a lost connection; doubles up to the largest. */
  backoff_first_ms: number;
  backoff_max_ms: number;
  /** From 0 to 1. */
  random: () => number;
}

/** What the driver has to do. After `close` nothing more comes from that socket. */
export type Action =
  | { do: 'token' }
  | { do: 'dial' }
  | { do: 'send'; frame: Json }
  | { do: 'close'; code: number }
  | { do: 'tell'; told: Told };

type Phase =
  | { at: 'off' }
  | { at: 'token' }
  | { at: 'dialing' }
  | { at: 'greeting' }
  | { at: 'open' }
  | { at: 'waiting'; until: number };

/** From the dial to `welcome`. */
const WELCOME_MS_MAX = 10_000;
/** The server beats every `hb_ms`, give or take a tenth: beyond this it is gone. */
const SILENCE_BEATS = 1.5;
/** Between two refreshes: who gives tokens that end soon must not flood the server. */
const REFRESH_MS = 10_000;
/** Closes that say that somebody has a bug: to connect again would not help. */
const BUGS = [1002, 1003, 1007, 1009];

export class Core {
  #options: CoreOptions;
  #follow = new Follow();
  #orders: Orders;
  #phase: Phase = { at: 'off' };
  #subs: Map<string, Sub>;
  /** Subscriptions that the server of this socket knows. */
  #said = new Set<string>();
  #token: Token = '';
  #refreshing = false;
  /** When a token is asked for to refresh with, and when one was. */
  #refreshAt = Infinity;
  #refreshed = -Infinity;
  #heard = 0;
  #beatMs = 0;
  #tries = 0;
  #goaway: { after: number; spread: number } | null = null;
  /** The newest `err` that was about the socket itself. */
  #complaint = '';
  #health = '';
  #live = false;
  #out: Action[] = [];

  constructor(options: CoreOptions) {
    this.#options = options;
    this.#subs = new Map(options.subs.map((sub) => [sub.id, sub]));
    this.#orders = new Orders(
      (frame) => this.#send(frame),
      (told) => this.#tell(told),
    );
  }

  /** What is to be done since the last call, in this order. */
  take(): Action[] {
    for (const told of this.#follow.take()) this.#tell(told);
    return this.#out.splice(0);
  }

  /** When `tick` is to be called, ms. */
  wakeAt(): number {
    const { at } = this.#phase;
    const silent = this.#heard + this.#silenceMax();
    const own = this.#phase.at === 'waiting' ? this.#phase.until : Infinity;
    const lost = at === 'dialing' || at === 'greeting' || at === 'open' ? silent : Infinity;
    return Math.min(own, lost, this.#refreshAt, this.#orders.wakeAt());
  }

  start(now: number): void {
    if (this.#phase.at === 'off') this.#connect(now);
  }

  /** The program wants no more. */
  stop(): void {
    if (this.#isOpen()) this.#do({ do: 'close', code: 1000 });
    this.#stopped({ status: 'stopped' });
  }

  /** The program's answer to `token`. */
  token(now: number, token: Token): void {
    const another = token !== this.#token;
    this.#token = token;
    if (this.#phase.at === 'token') {
      this.#phase = { at: 'dialing' };
      this.#heard = now;
      this.#do({ do: 'dial' });
    } else if (this.#refreshing && typeof token === 'string') {
      // An empty one says that a certificate is meant: there is nothing to refresh with.
      if (token && another) this.#send({ t: 'auth.refresh', token });
      else this.#refreshAt = now + REFRESH_MS;
    }
    this.#refreshing = false;
  }

  tokenFailed(now: number, reason: string): void {
    if (this.#refreshing) this.#refreshAt = now + REFRESH_MS;
    this.#refreshing = false;
    if (this.#phase.at === 'token') this.#wait(now, { reason: `no token: ${reason}` });
  }

  /** The socket is open. */
  opened(now: number): void {
    if (this.#phase.at !== 'dialing') return;
    this.#phase = { at: 'greeting' };
    this.#heard = now;
    const { client, caps } = this.#options;
    const hello: Json = { t: 'hello' };
    if (typeof this.#token !== 'string') hello['auth'] = this.#token;
    else if (this.#token) hello['auth'] = { token: this.#token };
    hello['client'] = client;
    if (caps.length > 0) hello['caps'] = caps;
    hello['subs'] = [...this.#subs.values()];
    this.#said = new Set(this.#subs.keys());
    const resume = this.#follow.resume();
    if (resume) hello['resume'] = resume;
    const pending = this.#orders.pending();
    if (pending.length > 0) hello['pending'] = pending;
    this.#send(hello);
  }

  /** The socket is gone. 1006: without a close frame. */
  closed(now: number, code: number, reason: string): void {
    if (!this.#isOpen()) return;
    const why: Omit<StatusChange, 'status'> = { code };
    if (this.#complaint || reason) why.reason = this.#complaint || reason;
    if (code === 1000 || BUGS.includes(code) || (code >= 4500 && code < 4600)) {
      return this.#stopped({ status: 'stopped', ...why });
    }
    if (code === 4009) this.#follow.forget();
    this.#wait(now, why);
  }

  tick(now: number): void {
    this.#orders.tick(now);
    if (this.#phase.at === 'waiting') {
      if (now >= this.#phase.until) this.#connect(now);
    } else if (this.#isOpen() && now >= this.#heard + this.#silenceMax()) {
      this.#abandon(now, 'the server is silent');
    } else {
      this.#refresh(now);
    }
  }

  command(now: number, order: Order): void {
    this.#orders.give(now, order);
  }

  subscribe(sub: Sub): void {
    if (this.#subs.has(sub.id)) return;
    this.#subs.set(sub.id, sub);
    this.#subscribeLate();
  }

  unsubscribe(id: string): void {
    if (!this.#subs.delete(id)) return;
    this.#follow.close(id);
    if (this.#live && this.#said.delete(id)) this.#send({ t: 'unsub', id });
    this.#checkLive();
  }

  /** A text message of the server. What is not known is passed over. */
  text(now: number, text: string): void {
    if (this.#phase.at !== 'greeting' && this.#phase.at !== 'open') return;
    this.#heard = now;
    try {
      const frame: unknown = JSON.parse(text);
      if (typeof frame === 'object' && frame !== null) this.#frame(now, frame as Json);
    } catch (error) {
      this.#abandon(now, `a frame that cannot be read: ${String(error)}`);
    }
  }

  #frame(now: number, frame: Json): void {
    if (!this.#isOpen()) return; // given up in the middle of a batch
    switch (frame['t']) {
      case 'welcome':
        return this.#welcome(now, frame);
      case 'snap':
        this.#follow.snap(frame);
        return this.#checkLive();
      case 'ev':
        return this.#follow.ev(frame);
      case 'batch':
        for (const item of (frame['items'] as Json[] | undefined) ?? []) this.#frame(now, item);
        return;
      case 'replayed':
        if (!this.#follow.replayed(frame)) this.#abandon(now, 'a gap');
        return this.#checkLive();
      case 'hb':
        return this.#heartbeat(now, frame);
      case 'ack':
        return this.#orders.ack(fill('Ack', frame).id, fill('Ack', frame).pos);
      case 'result': {
        const { t: _, ...result } = frame;
        return this.#orders.result(fill('CommandResult', result));
      }
      case 'err':
        return this.#err(now, frame);
      case 'gone':
        return this.#follow.gone(frame);
      case 'scope':
        return this.#follow.scope(String(frame['pos']), String(frame['scope']));
      case 'count':
        return this.#tell({ is: 'figures', figures: fill('Figures', frame['o']) });
      case 'goaway': {
        const { after_ms, spread_ms } = fill('GoAway', frame);
        this.#goaway = { after: after_ms, spread: spread_ms };
        return;
      }
      case 'auth.expiring':
        if (!this.#refreshing) this.#refreshAt = Math.max(now, this.#refreshed + REFRESH_MS);
        return this.#refresh(now);
      default:
        return;
    }
  }

  #welcome(now: number, frame: Json): void {
    const welcome = fill('Welcome', frame);
    this.#phase = { at: 'open' };
    this.#beatMs = welcome.hb_ms;
    const { epoch, resumed, why, auth_exp = '' } = welcome;
    this.#tell({ is: 'welcome', epoch, resumed, why, auth_exp });
    this.#healthIs(welcome.health);
    this.#follow.welcome(welcome, [...this.#said].filter((id) => this.#subs.has(id)));
    this.#orders.welcome(now, welcome.time ?? '', welcome.commands);
    this.#checkLive();
  }

  #refresh(now: number): void {
    if (now < this.#refreshAt) return;
    this.#refreshAt = Infinity;
    this.#refreshed = now;
    this.#refreshing = true;
    this.#do({ do: 'token' });
  }

  #heartbeat(now: number, frame: Json): void {
    const { pos, n, health } = fill('Hb', frame);
    if (!this.#follow.heartbeat(pos, n)) return this.#abandon(now, 'a gap');
    this.#tries = 0; // a connection that lives, and is proved to be whole
    this.#healthIs(health);
    this.#send({ t: 'hb', pos: this.#follow.pos || '0', n: this.#follow.count });
  }

  #err(now: number, frame: Json): void {
    const err = fill('Err', frame);
    if (this.#orders.err(now, err, frame['details'])) return;
    if (err.ref === '') this.#complaint = `${err.code}: ${err.msg}`;
    else if (this.#subs.has(err.ref)) this.#follow.close(err.ref);
    this.#tell({ is: 'error', ref: err.ref, code: err.code, msg: err.msg });
    this.#checkLive();
  }

  /** Says once that everything is there, and what was subscribed to on the way. */
  #checkLive(): void {
    if (this.#live || this.#phase.at !== 'open' || !this.#follow.isLive) return;
    this.#live = true;
    for (const told of this.#follow.take()) this.#tell(told);
    this.#tell({ is: 'status', status: 'live' });
    this.#subscribeLate();
  }

  #subscribeLate(): void {
    if (!this.#live) return;
    for (const sub of this.#subs.values()) {
      if (this.#said.has(sub.id)) continue;
      this.#said.add(sub.id);
      this.#send({ t: 'sub', ...sub });
    }
  }

  #connect(now: number): void {
    this.#phase = { at: 'token' };
    this.#heard = now;
    this.#beatMs = 0;
    this.#complaint = '';
    this.#goaway = null;
    this.#tell({ is: 'status', status: 'connecting' });
    this.#do({ do: 'token' });
  }

  /** This socket is of no more use. */
  #abandon(now: number, reason: string): void {
    if (!this.#isOpen()) return;
    this.#do({ do: 'close', code: 4000 });
    this.#wait(now, { reason });
  }

  #wait(now: number, why: Omit<StatusChange, 'status'>): void {
    this.#left();
    const { random, backoff_first_ms, backoff_max_ms } = this.#options;
    const most = Math.min(backoff_max_ms, backoff_first_ms * 2 ** this.#tries);
    const away = this.#goaway;
    const ms = away ? away.after + random() * away.spread : random() * most;
    this.#tries += 1;
    this.#phase = { at: 'waiting', until: now + ms };
    this.#tell({ is: 'status', status: 'waiting', ...why, retry_in_ms: Math.round(ms) });
  }

  #stopped(change: StatusChange): void {
    if (this.#phase.at === 'off') return;
    this.#left();
    this.#phase = { at: 'off' };
    this.#orders.closed();
    this.#tell({ is: 'status', ...change });
  }

  #left(): void {
    this.#orders.lost();
    this.#live = false;
    this.#refreshing = false;
    this.#refreshAt = Infinity;
    this.#said.clear();
  }

  #healthIs(health: string): void {
    if (health === this.#health || health === '') return;
    this.#health = health;
    this.#tell({ is: 'health', health });
  }

  #isOpen(): boolean {
    const { at } = this.#phase;
    return at === 'dialing' || at === 'greeting' || at === 'open';
  }

  #silenceMax(): number {
    return this.#beatMs > 0 ? this.#beatMs * SILENCE_BEATS + 1000 : WELCOME_MS_MAX;
  }

  #send(frame: Json): void {
    this.#do({ do: 'send', frame });
  }

  #tell(told: Told): void {
    this.#do({ do: 'tell', told });
  }

  #do(action: Action): void {
    for (const told of this.#follow.take()) this.#out.push({ do: 'tell', told });
    this.#out.push(action);
  }
}
