// What a desktop uses: state, events, commands.

import type { Sub } from './core.js';
import { Driver, type TokenProvider } from './driver.js';
import type { Order } from './orders.js';
import type { CmdArgs, CmdTarget, CommandResult, Call, Figures } from './proto.gen.js';
import { SharedDesk } from './shared.js';
import { kindOf, Store } from './store.js';
import type { DeskEvent, Entities, Gone, Refusal, Status, StatusChange, Told } from './told.js';
import { uuidv7 } from './uuid.js';

export interface ClientOptions {
  /** `wss://host/v1/events`. */
  url: string;
  /** Asked before each connection and before a token ends. */
  token: TokenProvider;
  subs: Sub[];
  /** What software this is, for the server's logs. */
  name?: string;
  version?: string;
  /** Names one running desktop; by default made anew for each client. */
  inst?: string;
  /** Optional features of the server, e.g. `batch`. */
  caps?: string[];
  /** Longest first wait after a lost connection, ms; doubles to the largest. Default 500, 30,000. */
  backoffFirstMs?: number;
  backoffMaxMs?: number;
  /** URL of the worker module: one socket for all tabs. Without it each client has its own. */
  worker?: string | URL;
  /** By default the global one, and on a Node.js without it the package `ws`. */
  WebSocket?: typeof WebSocket;
}

export interface CommandOptions {
  target?: Partial<CmdTarget>;
  args?: Partial<CmdArgs>;
  /** Revision that the user has seen: a newer one is answered with CONFLICT. */
  ifRev?: number;
  /** Not to be begun later than this, ms. Default 5,000, at most 60,000. */
  withinMs?: number;
  /** Made here unless it is given. */
  id?: string;
}

/** A command that was not carried out, or of which nobody knows whether it was. */
export class CommandError extends Error {
  override name = 'CommandError';
  /** FORBIDDEN, CONFLICT, POLICY_DENIED, EXPIRED, UNKNOWN, ... */
  readonly code: string;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  /** It is certain that nothing was done. */
  readonly nothingDone: boolean;
  /** The result, if the command was accepted. */
  readonly result: CommandResult | undefined;
  /** CONFLICT: the entity as it is. */
  readonly details: unknown;

  constructor(refusal: Refusal, result?: CommandResult) {
    super(`${refusal.code}: ${refusal.msg}`);
    this.code = refusal.code;
    this.retryable = refusal.retryable;
    this.nothingDone = refusal.nothing_done;
    this.details = refusal.details;
    this.result = result;
  }
}

type EntityListeners = { [Kind in keyof Entities]: [Entities[Kind], DeskEvent<Entities[Kind]>] };

/** What can be listened to, and what the listener gets. */
export interface Listeners extends EntityListeners {
  /** Every event, in the order of the log. */
  event: [DeskEvent];
  status: [StatusChange];
  /** The state has been replaced: draw it anew. */
  snapshot: [];
  /** Calls that began and ended while this desk was away. */
  missed: [Call[]];
  /** An entity that this desk may see no more, or that has ended. */
  gone: [Gone];
  /** New figures of one board. */
  figures: [Figures];
  /** enabled | degraded: no outbound call will be let through. */
  health: [string];
  /** What the server said of a subscription or of this connection. */
  error: [{ ref: string; code: string; msg: string }];
}

/** The same whether the socket is in this tab or in the worker. */
export interface Desk {
  start(): void;
  stop(): void;
  command(order: Order): void;
  subscribe(sub: Sub): void;
  unsubscribe(id: string): void;
}

interface Waiting {
  resolve: (result: CommandResult) => void;
  reject: (error: CommandError) => void;
}

export class TrunklineClient {
  #store = new Store();
  #desk: Desk;
  #listeners = new Map<string, Set<(...args: never[]) => void>>();
  #commands = new Map<string, Waiting>();
  #iterators = new Set<(event: DeskEvent | null) => void>();
  #status: StatusChange = { status: 'connecting' };
  #health = '';
  #epoch = '';

  constructor(options: ClientOptions) {
    const { url, subs, token, worker, caps = [] } = options;
    const { name = 'trunkline-client', version = '0.1.0', inst = uuidv7() } = options;
    const { backoffFirstMs = 500, backoffMaxMs = 30_000 } = options;
    const plain = {
      url,
      subs,
      caps,
      client: { name, ver: version, inst },
      backoff_first_ms: backoffFirstMs,
      backoff_max_ms: backoffMaxMs,
    };
    const tell = (told: Told) => this.#told(told);
    if (worker && typeof SharedWorker === 'function') {
      this.#desk = new SharedDesk(worker, plain, token, tell);
    } else {
      const more = options.WebSocket ? { WebSocket: options.WebSocket } : {};
      this.#desk = new Driver({ ...plain, ...more, token, random: Math.random }, tell);
    }
    // Not at once: whoever makes a client sets its listeners first.
    queueMicrotask(() => this.#desk.start());
  }

  /** Live calls by id; a call that is over is in it no more. */
  get calls() {
    return this.#store.calls;
  }
  get agents() {
    return this.#store.agents;
  }
  get lines() {
    return this.#store.lines;
  }
  get duties() {
    return this.#store.duties;
  }
  get links() {
    return this.#store.links;
  }
  /** Boards of aggregate views by `kind:id`. */
  get figures() {
    return this.#store.figures;
  }
  /** Position in the site's log up to which all this is complete. */
  get position(): string {
    return this.#store.position;
  }
  /** Incarnation of the log that the position belongs to. */
  get epoch(): string {
    return this.#epoch;
  }
  get status(): Status {
    return this.#status.status;
  }
  get health(): string {
    return this.#health;
  }

  /** Calls the listener each time; what is returned ends that. */
  on<Name extends keyof Listeners>(
    name: Name,
    listener: (...args: Listeners[Name]) => void,
  ): () => void {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all);
    all.add(listener as (...args: never[]) => void);
    return () => all.delete(listener as (...args: never[]) => void);
  }

  /** Every event from now on, in the order of the log, until the client is closed. */
  async *events(): AsyncGenerator<DeskEvent, void, void> {
    const queue: (DeskEvent | null)[] = [];
    let wake = () => {};
    const push = (event: DeskEvent | null) => {
      queue.push(event);
      wake();
    };
    this.#iterators.add(push);
    try {
      while (this.status !== 'stopped' || queue.length > 0) {
        const event = queue.shift();
        if (event === null) return;
        if (event) yield event;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      this.#iterators.delete(push);
    }
  }

  [Symbol.asyncIterator]() {
    return this.events();
  }

  /** Resolves when everything subscribed to is there; rejects if the client has stopped. */
  live(): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (change: StatusChange) => {
        if (change.status === 'live') resolve();
        else if (change.status === 'stopped') reject(new Error(change.reason ?? 'stopped'));
        else return false;
        return true;
      };
      if (done(this.#status)) return;
      const off = this.on('status', (change) => {
        if (done(change)) off();
      });
    });
  }

  /** Resolves with the result `ok`; rejects with a CommandError otherwise. */
  command(op: string, options: CommandOptions = {}): Promise<CommandResult> & { id: string } {
    const { target, args, ifRev, withinMs = 5000, id = uuidv7() } = options;
    const order: Order = { id, op, within_ms: withinMs };
    if (target) order.target = target;
    if (args) order.args = args;
    if (ifRev !== undefined) order.if = { rev: ifRev };
    const promise = new Promise<CommandResult>((resolve, reject) => {
      this.#commands.set(id, { resolve, reject });
    });
    this.#desk.command(order);
    return Object.assign(promise, { id });
  }

  subscribe(sub: Sub): void {
    this.#desk.subscribe(sub);
  }

  unsubscribe(id: string): void {
    this.#desk.unsubscribe(id);
  }

  /** Closes the socket (of all tabs' the last one) and ends iterators and commands. */
  close(): void {
    this.#desk.stop();
  }

  #told(told: Told): void {
    for (const gone of this.#store.apply(told)) this.#call('gone', gone);
    switch (told.is) {
      case 'status': {
        const { is: _, ...change } = told;
        this.#status = change;
        this.#call('status', change);
        if (change.status === 'stopped') for (const push of this.#iterators) push(null);
        return;
      }
      case 'welcome':
        this.#epoch = told.epoch;
        return;
      case 'snapshot':
      case 'merge':
        return this.#call('snapshot');
      case 'event':
        this.#call(kindOf(told.event.k), told.event.o as never, told.event as never);
        this.#call('event', told.event);
        for (const push of this.#iterators) push(told.event);
        return;
      case 'missed':
        return this.#call('missed', told.calls);
      case 'figures':
        return this.#call('figures', told.figures);
      case 'health':
        this.#health = told.health;
        return this.#call('health', told.health);
      case 'error':
        return this.#call('error', told);
      case 'result':
        return this.#result(told.result);
      case 'refused':
        this.#commands.get(told.id)?.reject(new CommandError(told.refusal));
        this.#commands.delete(told.id);
        return;
      default:
        return;
    }
  }

  #result(result: CommandResult): void {
    const waiting = this.#commands.get(result.id);
    this.#commands.delete(result.id);
    if (result.status === 'ok') return waiting?.resolve(result);
    const code = result.err?.code || result.status.toUpperCase();
    const nothing_done = result.status === 'expired';
    const msg = result.err?.msg || `the command ${result.status}`;
    waiting?.reject(new CommandError({ code, msg, retryable: false, nothing_done }, result));
  }

  #call<Name extends keyof Listeners>(name: Name, ...args: Listeners[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        (listener as (...args: Listeners[Name]) => void)(...args);
      } catch (error) {
        // One listener's fault is neither another's nor the stream's.
        console.error(`trunkline: a listener of ${name} threw`, error);
      }
    }
  }
}
