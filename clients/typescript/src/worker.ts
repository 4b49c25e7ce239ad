// The shared worker: holds the socket of all tabs of a desktop. Load it as a module.

import type { Sub, Token } from './core.js';
import { Driver } from './driver.js';
import type { ToTab, ToWorker, WorkerOptions } from './shared.js';
import { Store } from './store.js';
import type { Told } from './told.js';

/** One desktop's socket and the tabs that look at it. */
class Host {
  readonly tabs = new Set<MessagePort>();
  #store = new Store();
  /** The newest of each, for a tab that comes later. */
  #newest = new Map<string, Told>();
  #driver: Driver;
  #askers: { resolve: (token: Token) => void; reject: (reason: Error) => void }[] = [];

  constructor(options: WorkerOptions) {
    const token = () => this.#askForToken();
    this.#driver = new Driver({ ...options, token, random: Math.random }, (told) => {
      this.#store.apply(told);
      if (['welcome', 'status', 'health'].includes(told.is)) this.#newest.set(told.is, told);
      if (told.is === 'status' && told.status === 'stopped') host = null;
      for (const tab of this.tabs) post(tab, { told: [told] });
    });
  }

  join(tab: MessagePort, subs: Sub[]): void {
    this.tabs.add(tab);
    for (const sub of subs) this.#driver.subscribe(sub);
    const pos = this.#store.position;
    const state: Told = { is: 'snapshot', pos, state: this.#store.state() };
    const { welcome, status, health } = Object.fromEntries(this.#newest);
    const known = [welcome, health, pos ? state : undefined, status].filter((t) => t !== undefined);
    post(tab, { told: known });
    if (this.#askers.length > 0) post(tab, { want: 'token' });
    this.#driver.start();
  }

  leave(tab: MessagePort): void {
    this.tabs.delete(tab);
    if (this.tabs.size === 0) this.#driver.stop();
  }

  message(message: ToWorker): void {
    switch (message.do) {
      case 'command':
        return this.#driver.command(message.order);
      case 'subscribe':
        return this.#driver.subscribe(message.sub);
      case 'unsubscribe':
        return this.#driver.unsubscribe(message.id);
      case 'token':
        for (const asker of this.#askers.splice(0)) asker.resolve(message.token);
        return;
      case 'no-token':
        for (const asker of this.#askers.splice(0)) asker.reject(new Error(message.reason));
        return;
      default:
        return;
    }
  }

  /** All tabs are asked, and the first answer counts: some may be frozen, or gone unnoticed. */
  #askForToken(): Promise<Token> {
    return new Promise((resolve, reject) => {
      this.#askers.push({ resolve, reject });
      for (const tab of this.tabs) post(tab, { want: 'token' });
    });
  }
}

let host: Host | null = null;

function post(tab: MessagePort, message: ToTab): void {
  tab.postMessage(message);
}

(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const tab = event.ports[0]!;
  tab.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data.do === 'join') {
      host ??= new Host(data.options);
      host.join(tab, data.options.subs);
    } else if (data.do === 'leave') {
      if (host?.tabs.has(tab)) post(tab, { told: [{ is: 'status', status: 'stopped' }] });
      host?.leave(tab);
    } else if (host) {
      host.message(data);
    } else if (data.do === 'command') {
      const refusal = { code: 'CLOSED', msg: 'the desk is closed', retryable: false };
      const told: Told = { is: 'refused', id: data.order.id, refusal: { ...refusal, nothing_done: true } };
      post(tab, { told: [told] });
    }
  };
};
