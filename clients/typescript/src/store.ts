// The state of the site as far as this desk may see it, folded from what the core tells.

import { fill } from './fill.js';
import { isAfter } from './position.js';
import { ENTITIES, type Agent, type Call, type Duty, type Line, type Link } from './proto.gen.js';
import type { Collections, DeskEvent, Entities, Told } from './told.js';

/** Names of listeners by the first word of an event's kind. */
const LISTENERS: Record<string, keyof Entities> = { outbound: 'decision' };

/** Where entities of a kind are kept. */
const KEPT: Partial<Record<keyof Entities, keyof Collections>> = {
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

/** Collections that a topic fills. */
export function collectionsOf(topic: string): (keyof Collections)[] {
  switch (topic) {
    case 'agent:self':
    case 'site:agents':
      return ['agents'];
    case 'site:lines':
      return ['lines', 'duties'];
    case 'site:links':
      return ['links'];
    case 'site:health':
      return [];
    default:
      return ['calls'];
  }
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
  /** Position up to which the state is complete. */
  position = '';

  apply(told: Told): void {
    switch (told.is) {
      case 'snapshot':
        for (const name of NAMES) this.#map(name).clear();
        this.position = told.pos;
        return this.#putAll(told.state);
      case 'merge':
        return this.#putAll(told.state);
      case 'drop':
        for (const name of told.collections) this.#map(name).clear();
        return;
      case 'event':
        this.#reached(told.event.pos);
        return this.#event(told.event);
      case 'gone': {
        const name = KEPT[told.kind as keyof Entities];
        if (name) this.#map(name).delete(told.id);
        return;
      }
      case 'position':
        return this.#reached(told.pos);
      default:
        return;
    }
  }

  /** Everything, for a tab that comes later. */
  state(): Collections {
    const list = (name: keyof Collections) => [...this[name].values()];
    return Object.fromEntries(NAMES.map((name) => [name, list(name)])) as unknown as Collections;
  }

  /** Others only read. */
  #map(name: keyof Collections): Map<string, Kept> {
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
  }

  #put(name: keyof Collections, entity: Kept, over: boolean): void {
    const map = this.#map(name);
    const known = map.get(entity.id);
    if (known && known.rev > entity.rev) return; // a later snapshot was ahead of this event
    if (over) map.delete(entity.id);
    else map.set(entity.id, entity);
  }
}

const NAMES = ['calls', 'agents', 'lines', 'duties', 'links'] as const;
