// How far this desk has followed the site's log: position, count, snapshots. No socket, no clock.

import { fill, type Json } from './fill.js';
import type { Call, Resume, Snap, Welcome } from './proto.gen.js';
import type { Collections, DeskEvent, Gone, Named, Told } from './told.js';
import { isAfter } from './position.js';
import { entityOf } from './store.js';

/** Pages of a snapshot that is not complete. */
class Cut {
  readonly state: Collections = {
    calls: [],
    agents: [],
    lines: [],
    duties: [],
    links: [],
    figures: [],
  };
  readonly missed: Call[] = [];
  readonly events: DeskEvent[] = [];
  constructor(readonly open: Set<string>) {}

  page(snap: Snap): void {
    if (snap.gap) {
      this.missed.push(...snap.objs);
      return; // the gap's pages have a `last` of their own; the state comes after them
    }
    this.state.calls.push(...snap.objs);
    this.state.agents.push(...snap.agents);
    this.state.lines.push(...snap.lines);
    this.state.duties.push(...snap.duties);
    this.state.links.push(...snap.links);
    this.state.figures.push(...snap.figures);
    if (snap.last) this.open.delete(snap.sub);
  }
}

export class Follow {
  /** Newest position that was passed; empty before the first cut is complete. */
  pos = '';
  #epoch = '';
  #scope = '';
  /** `ev` frames since `welcome`, modulo 2^32 as the server counts. */
  #count = 0;
  /** Events up to here are applied: what comes again is not told again. */
  #seen = '';
  /** The snapshots that follow `welcome`, until all are complete. */
  #cut: Cut | null = null;
  #replaying = false;
  /** Snapshots of subscriptions made later. */
  #later = new Map<string, Cut>();
  #out: Told[] = [];

  /** All that was subscribed to at `hello` is there. */
  get isLive(): boolean {
    return !this.#cut && !this.#replaying;
  }

  get count(): number {
    return this.#count;
  }

  /** `hello.resume`, once there is a position to go on from. */
  resume(): Resume | undefined {
    if (!this.pos) return undefined;
    return { epoch: this.#epoch, pos: this.pos, scope: this.#scope };
  }

  /** The server wants a fresh start. */
  forget(): void {
    this.pos = '';
  }

  /** What there is to tell since the last call. */
  take(): Told[] {
    return this.#out.splice(0);
  }

  welcome(frame: Welcome, subs: string[]): void {
    this.#count = 0;
    this.#later.clear();
    this.#epoch = frame.epoch;
    this.#scope = frame.scope;
    this.#replaying = frame.resumed;
    this.#cut = null;
    if (frame.resumed) {
      this.#seen = this.pos;
    } else {
      this.pos = '';
      this.#seen = frame.pos;
      this.#cut = new Cut(new Set(subs));
      this.#finish();
    }
  }

  snap(raw: Json): void {
    const snap = fill('Snap', raw);
    const cut = this.#cut ?? this.#later.get(snap.sub) ?? new Cut(new Set([snap.sub]));
    if (!this.#cut) this.#later.set(snap.sub, cut);
    cut.page(snap);
    if (this.#cut) {
      this.#finish();
    } else if (cut.open.size === 0) {
      // The position stays until `scope` closes the change.
      this.#later.delete(snap.sub);
      this.#out.push({ is: 'merge', sub: snap.sub, state: cut.state });
    }
  }

  /** This subscription was refused or taken back: no snapshot of it comes. */
  close(sub: string): void {
    this.#later.delete(sub);
    this.#cut?.open.delete(sub);
    this.#finish();
  }

  #finish(): void {
    const cut = this.#cut;
    if (!cut || cut.open.size > 0) return;
    this.#cut = null;
    this.pos = this.#seen;
    if (cut.missed.length > 0) this.#out.push({ is: 'missed', calls: cut.missed });
    this.#out.push({ is: 'snapshot', pos: this.pos, state: cut.state });
    for (const event of cut.events) this.#apply(event);
  }

  ev(raw: Json): void {
    this.#count = (this.#count + 1) >>> 0;
    const { pos, ts, k, d, caused_by } = raw as unknown as DeskEvent;
    const event: DeskEvent = { pos, ts, k, o: entityOf(k, raw['o']) };
    if (d) event.d = fill('Detail', d);
    if (caused_by) event.caused_by = caused_by;
    if (this.#cut) this.#cut.events.push(event);
    else this.#apply(event);
  }

  #apply(event: DeskEvent): void {
    if (!isAfter(event.pos, this.#seen)) return;
    this.#seen = event.pos;
    if (isAfter(event.pos, this.pos)) this.pos = event.pos;
    this.#out.push({ is: 'event', event });
  }

  /** An entity is seen no more. */
  gone(raw: Json): void {
    const { pos, kind, id, why } = raw as unknown as Gone & { pos: string };
    this.#out.push({ is: 'gone', pos, kind, id, why });
    if (isAfter(pos, this.pos)) this.pos = pos;
  }

  /** A change of what is seen has been told up to here. */
  scope(pos: string, scope: string): void {
    this.#scope = scope;
    this.#reached(pos);
  }

  /** `false`: events are missing. A replay may also follow a snapshot that took long. */
  replayed(raw: Json): boolean {
    const { to, count } = fill('Replayed', raw);
    if (this.#replaying && count !== this.#count) return this.#gap(count);
    this.#replaying = false;
    if (raw['kept'] === true) this.#out.push({ is: 'keep', keep: (raw['keep'] ?? []) as Named[] });
    this.#reached(to);
    return true;
  }

  /** `false`: events are missing, and the position is not one to answer with. */
  heartbeat(pos: string, n: number): boolean {
    if (n !== this.#count) return this.#gap(n);
    if (this.isLive) this.#reached(pos);
    return true;
  }

  #reached(pos: string): void {
    if (!isAfter(pos, this.pos)) return;
    this.pos = pos;
    this.#out.push({ is: 'position', pos });
  }

  #gap(server: number): false {
    this.#out.push({ is: 'gap', server, here: this.#count });
    return false;
  }
}
