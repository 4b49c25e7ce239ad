// The state of the site as far as this desk may see it, folded from what the core tells.

import { fill } from './fill.js';
import { isAfter } from './position.js';
import { ENTITIES, type Agent, type Call, type Duty, type Figures, type Line, type Link } from './proto.gen.js';
import type { Collections, DeskEvent, Entities, Gone, Named, Told } from './told.js';

/** Names of listeners by the first word of an event's kind. */
const LISTENERS: Record<string, keyof Entities> = { outbound: 'decision' };

const NAMES = ['calls', 'agents', 'lines', 'duties', 'links'] as const;

/** Collections of entities. */
type Name = (typeof NAMES)[number];

/** Where entities of a kind are kept. */
const KEPT: Partial<Record<keyof Entities, Name>> = {
  call: 'calls',
  agent: 'agents',
  line: 'lines',
  duty: 'duties',
  link: 'links',
};

/** `call` of `call.delivered`, `decision` of `outbound.denied`. */
export function kindOf(k: string): keyof Entities {
  const word = k.split('.', 1)[0] ?? '';
  return LISTENERS[word] ?? (word as keyof Entities);
}

/** The entity of an event of this kind; of a kind that is not known, as it came. */
export function entityOf(k: string, raw: unknown): unknown {
  const word = k.split('.', 1)[0] as keyof typeof ENTITIES;
  return word in ENTITIES ? fill(ENTITIES[word], raw) : raw;
}

type Kept = { id: string; rev: number; state: string };

/** A call that is over and a duty that is done leave; everything else stays as it last was. */
function isOver(kind: keyof Entities, entity: Kept): boolean {
  if (kind === 'call') return entity.state === 'null';
  return kind === 'duty' && entity.state !== 'running';
}

export class Store {
  calls: ReadonlyMap<string, Call> = new Map();
  agents: ReadonlyMap<string, Agent> = new Map();
  lines: ReadonlyMap<string, Line> = new Map();
  duties: ReadonlyMap<string, Duty> = new Map();
  links: ReadonlyMap<string, Link> = new Map();
  /** Boards of aggregate views by `kind:id`. */
  figures: ReadonlyMap<string, Figures> = new Map();
  /** Position up to which the state is complete. */
  position = '';

  /** Gives the entities that left because they are seen no more. */
  apply(told: Told): Gone[] {
    switch (told.is) {
      case 'snapshot':
        for (const name of NAMES) this.#map(name).clear();
        (this.figures as Map<string, Figures>).clear();
        this.position = told.pos;
        this.#putAll(told.state);
        return [];
      case 'merge':
        this.#putAll(told.state);
        return [];
      case 'event':
        this.#reached(told.event.pos);
        this.#event(told.event);
        return [];
      case 'gone':
        this.#reached(told.pos);
        return this.#leave(told.kind, told.id) ? [{ ...told }] : [];
      case 'keep':
        return this.#keep(told.keep);
      case 'figures':
        this.#board(told.figures);
        return [];
      case 'position':
        this.#reached(told.pos);
        return [];
      default:
        return [];
    }
  }

  /** Everything, for a tab that comes later. */
  state(): Collections {
    const all = [...NAMES, 'figures'] as const;
    const lists = all.map((name) => [name, [...this[name].values()]]);
    return Object.fromEntries(lists) as unknown as Collections;
  }

  /** Others only read. */
  #map(name: Name): Map<string, Kept> {
    return this[name] as unknown as Map<string, Kept>;
  }

  #reached(pos: string): void {
    if (isAfter(pos, this.position)) this.position = pos;
  }

  #event(event: DeskEvent): void {
    const kind = kindOf(event.k);
    const name = KEPT[kind];
    if (name) this.#put(name, event.o as Kept, isOver(kind, event.o as Kept));
  }

  #putAll(state: Collections): void {
    for (const name of NAMES) for (const entity of state[name]) this.#put(name, entity, false);
    for (const figures of state.figures) this.#board(figures);
  }

  #board(figures: Figures): void {
    (this.figures as Map<string, Figures>).set(`${figures.kind}:${figures.id}`, figures);
  }

  #leave(kind: string, id: string): boolean {
    const name = KEPT[kind as keyof Entities];
    return name !== undefined && this.#map(name).delete(id);
  }

  /** The server cannot say what left while it read its journal, but what is left. */
  #keep(keep: Named[]): Gone[] {
    const kept = new Set(keep.map(({ kind, id }) => `${kind} ${id}`));
    const gone: Gone[] = [];
    for (const [kind, name] of Object.entries(KEPT)) {
      for (const id of [...this.#map(name).keys()]) {
        if (kept.has(`${kind} ${id}`)) continue;
        this.#leave(kind, id);
        gone.push({ kind, id, why: 'scope' });
      }
    }
    return gone;
  }

  #put(name: Name, entity: Kept, over: boolean): void {
    const map = this.#map(name);
    const known = map.get(entity.id);
    if (known && known.rev > entity.rev) return; // a later snapshot was ahead of this event
    if (over) map.delete(entity.id);
    else map.set(entity.id, entity);
  }
}

