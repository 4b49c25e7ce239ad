// ProtoJSON leaves out members with a default value; here they are put back.

import { FIELDS, type Messages } from './proto.gen.js';

/** Anything that came as JSON. */
export type Json = Record<string, unknown>;

/** A message as proto/ defines it; members that this client does not know stay as they are. */
export function fill<Name extends keyof Messages>(name: Name, raw: unknown): Messages[Name] {
  const out: Json = { ...(isObject(raw) ? raw : {}) };
  for (const [member, note] of Object.entries(FIELDS[name] ?? {})) {
    out[member] = member in out ? inner(note, out[member]) : initial(note);
    if (out[member] === undefined) delete out[member];
  }
  return out as unknown as Messages[Name];
}

function inner(note: string | number | boolean, value: unknown): unknown {
  if (typeof note !== 'string' || note === '' || note === '?' || note === '{}') return value;
  const list = note.startsWith('[');
  const name = list ? note.slice(1, -1) : note;
  if (name === '?') return value;
  const one = (item: unknown) => fill(name as keyof Messages, item);
  return list ? (value as unknown[]).map(one) : one(value);
}

function initial(note: string | number | boolean): unknown {
  if (note === '' || typeof note !== 'string') return note;
  if (note === '{}') return {};
  return note.startsWith('[') ? [] : undefined;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
