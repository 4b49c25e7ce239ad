// One socket for all tabs: a tab's end of the wire to the worker that holds it.

import type { CoreOptions, Sub, Token } from './core.js';
import type { TokenProvider } from './driver.js';
import type { Desk } from './client.js';
import type { Order } from './orders.js';
import type { Told } from './told.js';

/** What the worker needs; the first tab's counts. */
export type WorkerOptions = Omit<CoreOptions, 'random'> & { url: string };

/** From a tab to the worker. */
export type ToWorker =
  | { do: 'join'; options: WorkerOptions }
  | { do: 'leave' }
  | { do: 'command'; order: Order }
  | { do: 'subscribe'; sub: Sub }
  | { do: 'unsubscribe'; id: string }
  | { do: 'token'; token: Token }
  | { do: 'no-token'; reason: string };

/** From the worker to a tab. The token is asked of every tab: one that answers is alive. */
export type ToTab = { told: Told[] } | { want: 'token' };

export class SharedDesk implements Desk {
  #port: MessagePort;
  #options: WorkerOptions;

  constructor(
    worker: string | URL,
    options: WorkerOptions,
    token: TokenProvider,
    tell: (told: Told) => void,
  ) {
    this.#options = options;
    this.#port = new SharedWorker(worker, { type: 'module', name: options.url }).port;
    this.#port.onmessage = async (message: MessageEvent<ToTab>) => {
      if ('told' in message.data) return message.data.told.forEach(tell);
      try {
        this.#post({ do: 'token', token: await token() });
      } catch (error) {
        this.#post({ do: 'no-token', reason: String(error) });
      }
    };
    // A page that goes into the back-forward cache is frozen, and joins again when it comes back.
    addEventListener('pagehide', () => this.#post({ do: 'leave' }));
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.start();
    });
  }

  start(): void {
    this.#post({ do: 'join', options: this.#options });
  }

  stop(): void {
    this.#post({ do: 'leave' });
  }

  command(order: Order): void {
    this.#post({ do: 'command', order });
  }

  subscribe(sub: Sub): void {
    this.#post({ do: 'subscribe', sub });
  }

  unsubscribe(id: string): void {
    this.#post({ do: 'unsubscribe', id });
  }

  #post(message: ToWorker): void {
    this.#port.postMessage(message);
  }
}
