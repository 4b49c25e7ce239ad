// Gives the core what it has not: a socket, a clock, tokens.

import { Core, type Action, type CoreOptions, type Sub, type Token } from './core.js';
import type { Order } from './orders.js';
import type { Told } from './told.js';

/** Gives a token or ticket that is good now; asked before each connection and before a token ends. */
export type TokenProvider = () => Token | Promise<Token>;

export interface DriverOptions extends CoreOptions {
  url: string;
  token: TokenProvider;
  /** By default the global one, and on a Node.js without it the package `ws`. */
  WebSocket?: typeof WebSocket;
}

/** Subprotocol: version and encoding. */
const PROTOCOL = 'trunkline.v1.json';
/** Longest time a timer is set for: beyond 2^31 ms it would fire at once. */
const TIMER_MS_MAX = 60_000;

export class Driver {
  #core: Core;
  #options: DriverOptions;
  #tell: (told: Told) => void;
  #socket: WebSocket | null = null;
  /** Which dial the socket is of: one that was given up is heard no more. */
  #dialed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #now = clock();
  #inputs: ((now: number) => void)[] = [];

  constructor(options: DriverOptions, tell: (told: Told) => void) {
    this.#options = options;
    this.#core = new Core(options);
    this.#tell = tell;
  }

  start(): void {
    this.#run((now) => this.#core.start(now));
  }

  stop(): void {
    this.#run(() => this.#core.stop());
  }

  command(order: Order): void {
    this.#run((now) => this.#core.command(now, order));
  }

  subscribe(sub: Sub): void {
    this.#run(() => this.#core.subscribe(sub));
  }

  unsubscribe(id: string): void {
    this.#run(() => this.#core.unsubscribe(id));
  }

  /** One input, and everything that follows from it, before the next. */
  #run(input: (now: number) => void): void {
    if (this.#inputs.push(input) > 1) return; // given by a listener: its turn comes
    for (let next = this.#inputs[0]; next; next = this.#inputs[0]) {
      next(this.#now());
      for (const action of this.#core.take()) this.#act(action);
      this.#inputs.shift();
    }
    clearTimeout(this.#timer);
    const wait = this.#core.wakeAt() - this.#now();
    if (wait === Infinity) return;
    const tick = () => this.#run((now) => this.#core.tick(now));
    this.#timer = setTimeout(tick, Math.max(0, Math.min(wait, TIMER_MS_MAX)));
  }

  #act(action: Action): void {
    switch (action.do) {
      case 'tell':
        return this.#tell(action.told);
      case 'send':
        // A socket that is closing has lost the frame: `hello` asks how commands stand.
        if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(action.frame));
        return;
      case 'close':
        return this.#leave(action.code);
      case 'token':
        void this.#token();
        return;
      case 'dial':
        void this.#dial();
        return;
    }
  }

  async #token(): Promise<void> {
    try {
      const token = await this.#options.token();
      this.#run((now) => this.#core.token(now, token));
    } catch (error) {
      this.#run((now) => this.#core.tokenFailed(now, String(error)));
    }
  }

  async #dial(): Promise<void> {
    const dialed = ++this.#dialed;
    const heard = (input: (now: number) => void) => {
      if (dialed === this.#dialed) this.#run(input);
    };
    try {
      const WebSocket = this.#options.WebSocket ?? (await webSocket());
      if (dialed !== this.#dialed) return;
      const socket = new WebSocket(this.#options.url, PROTOCOL);
      this.#socket = socket;
      socket.onopen = () => heard((now) => this.#core.opened(now));
      socket.onmessage = ({ data }) => heard((now) => this.#core.text(now, String(data)));
      socket.onerror = () => {}; // `close` follows and says more
      socket.onclose = ({ code, reason }) => heard((now) => this.#core.closed(now, code, reason));
    } catch (error) {
      heard((now) => this.#core.closed(now, 1006, String(error)));
    }
  }

  #leave(code: number): void {
    this.#dialed += 1;
    this.#socket?.close(code);
    this.#socket = null;
  }
}

async function webSocket(): Promise<typeof WebSocket> {
  if (typeof globalThis.WebSocket === 'function') return globalThis.WebSocket;
  const name = 'ws'; // not a literal: a bundler for browsers must not look for it
  return ((await import(name)) as { default: typeof WebSocket }).default;
}

/**
 * Milliseconds that go on while the machine sleeps and never go back: of a clock that stops in sleep
 * and one that somebody may set, the one that has gone further.
 */
function clock(): () => number {
  let [wall, steady, now] = [Date.now(), performance.now(), 0];
  return () => {
    const [wallNow, steadyNow] = [Date.now(), performance.now()];
    now += Math.max(wallNow - wall, steadyNow - steady, 0);
    [wall, steady] = [wallNow, steadyNow];
    return now;
  };
}
