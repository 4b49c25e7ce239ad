// What the protocol core tells the rest of the client. Plain data: it crosses to other tabs.

import type {
  Agent,
  Call,
  Command,
  CommandResult,
  Decision,
  Detail,
  DoNotCall,
  Duty,
  Figures,
  Line,
  Link,
  SystemStatus,
} from './proto.gen.js';

/** Something happened. `o` is the whole entity after it. */
export interface DeskEvent<Entity = unknown> {
  /** Position in the site's log, a decimal string. */
  pos: string;
  /** When trunkline made the event, RFC 3339. */
  ts: string;
  /** What happened: call.delivered, agent.ready, ... */
  k: string;
  /** The entity after the event. */
  o: Entity;
  /** Facts of this event alone. */
  d?: Detail;
  /** Command that led to it, if any. */
  caused_by?: string;
}

/** Entities by the name of their listener. */
export interface Entities {
  call: Call;
  decision: Decision;
  system: SystemStatus;
  dnc: DoNotCall;
  line: Line;
  duty: Duty;
  link: Link;
  agent: Agent;
  command: Command;
}

/** An entity by its kind and id. */
export interface Named {
  /** call | agent | line | duty | link. */
  kind: string;
  id: string;
}

/** An entity that this desk may see no more (`scope`), or that is over (`ended`). */
export interface Gone extends Named {
  why: string;
}

/** What is there at one position. */
export interface Collections {
  calls: Call[];
  agents: Agent[];
  lines: Line[];
  duties: Duty[];
  links: Link[];
  figures: Figures[];
}

/**
 * `connecting`: on the way to a socket, or catching up. `live`: everything known is up to date.
 * `waiting`: the connection is lost and is tried again. `stopped`: it is not tried again.
 */
export type Status = 'connecting' | 'live' | 'waiting' | 'stopped';

export interface StatusChange {
  status: Status;
  /** Close code, if a socket was closed. 1006: without a close frame. */
  code?: number;
  /** Why, for a person. */
  reason?: string;
  /** waiting: time to the next try. */
  retry_in_ms?: number;
}

/** Why a command was not carried out, or that nobody knows. */
export interface Refusal {
  code: string;
  msg: string;
  retryable: boolean;
  /** It is certain that nothing was done. */
  nothing_done: boolean;
  /** CONFLICT: the entity as it is. */
  details?: unknown;
}

export type Told =
  | ({ is: 'status' } & StatusChange)
  | { is: 'welcome'; epoch: string; resumed: boolean; why: string; auth_exp: string }
  | { is: 'snapshot'; pos: string; state: Collections }
  | { is: 'merge'; sub: string; state: Collections }
  | { is: 'missed'; calls: Call[] }
  | { is: 'event'; event: DeskEvent }
  | ({ is: 'gone'; pos: string } & Gone)
  | { is: 'keep'; keep: Named[] }
  | { is: 'figures'; figures: Figures }
  | { is: 'position'; pos: string }
  | { is: 'health'; health: string }
  | { is: 'gap'; server: number; here: number }
  | { is: 'ack'; id: string; pos: string }
  | { is: 'result'; result: CommandResult }
  | { is: 'refused'; id: string; refusal: Refusal }
  | { is: 'error'; ref: string; code: string; msg: string };
