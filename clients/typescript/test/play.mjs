// Plays the transcripts of proto/vectors on the core, with a clock that only they move.

import assert from 'node:assert/strict';
import { Core } from '../dist/core.js';
import { fill } from '../dist/fill.js';
import { Store } from '../dist/store.js';

const MESSAGES = { calls: 'Call', agents: 'Agent', lines: 'Line', duties: 'Duty', links: 'Link' };

/** A line of a transcript for what the program is told. */
function line(told) {
  const { is } = told;
  switch (is) {
    case 'status': {
      const { status, code, retry_in_ms: wait } = told;
      return [is, status, code, wait === undefined ? undefined : `${wait} ms`];
    }
    case 'welcome':
      return [is, told.why];
    case 'snapshot':
    case 'position':
      return [is, told.pos];
    case 'merge':
      return [is, told.sub];
    case 'keep':
      return [is, ...told.keep.map(({ id }) => id)];
    case 'figures':
      return [is, `${told.figures.kind}:${told.figures.id}`];
    case 'missed':
      return [is, ...told.calls.map((call) => call.id)];
    case 'event':
      return [is, told.event.pos, told.event.k, told.event.caused_by];
    case 'gone':
      return [is, told.kind, told.id, told.why];
    case 'health':
      return [is, told.health];
    case 'gap':
      return [is, told.server, told.here];
    case 'ack':
      return [is, told.id];
    case 'result':
      return [is, told.result.id, told.result.status];
    case 'refused':
      return [is, told.id, told.refusal.code, told.refusal.nothing_done ? 'nothing done' : 'open'];
    case 'error':
      return [is, told.ref, told.code];
    default:
      return [is];
  }
}

const text = (told) => line(told).filter((word) => word !== undefined && word !== '').join(' ');

export class Player {
  constructor(vector) {
    const { subs = [], caps = [] } = vector.options;
    this.core = new Core({
      client: { name: 'desk', ver: '2.1', inst: 'b7' },
      subs,
      caps,
      backoff_first_ms: 500,
      backoff_max_ms: 30_000,
      random: () => vector.random ?? 0.5,
    });
    this.store = new Store();
    this.now = 0;
    this.done = [];
    this.told = [];
  }

  /** One step; its place is named when it does not hold. */
  step(step, place) {
    const [[name, what], ...none] = Object.entries(step);
    assert.deepEqual(none, [], place);
    if (name in EXPECTED) return EXPECTED[name](this, what, place);
    assert.ok(name in GIVEN, `${place}: no such step`);
    assert.deepEqual(this.done, [], `${place}: before it, the client did what was not expected`);
    GIVEN[name](this, what);
    this.take();
  }

  take() {
    for (const action of this.core.take()) {
      if (action.do !== 'tell') {
        this.done.push(JSON.parse(JSON.stringify(action)));
        continue;
      }
      this.store.apply(action.told);
      this.told.push(text(action.told));
    }
  }

  /** The clock goes on; each timer fires at its moment. */
  wait(ms) {
    const end = this.now + ms;
    let ticks = 0;
    for (let at = this.core.wakeAt(); at <= end; at = this.core.wakeAt()) {
      assert.ok((ticks += 1) <= 1000, 'a timer that never ends');
      this.now = Math.max(this.now, at);
      this.core.tick(this.now);
      this.take();
    }
    this.now = end;
  }

  end(place) {
    assert.deepEqual(this.done, [], `${place}: the client did what was not expected`);
    assert.deepEqual(this.told, [], `${place}: the program was told what was not expected`);
  }
}

const GIVEN = {
  start: (p) => p.core.start(p.now),
  stop: (p) => p.core.stop(),
  token: (p, token) => p.core.token(p.now, token),
  'no-token': (p, reason) => p.core.tokenFailed(p.now, reason),
  open: (p) => p.core.opened(p.now),
  server: (p, frame) => p.core.text(p.now, JSON.stringify(frame)),
  text: (p, raw) => p.core.text(p.now, raw),
  close: (p, code) => p.core.closed(p.now, code, ''),
  wait: (p, ms) => p.wait(ms),
  command: (p, order) => p.core.command(p.now, order),
  subscribe: (p, sub) => p.core.subscribe(sub),
  unsubscribe: (p, id) => p.core.unsubscribe(id),
};

const EXPECTED = {
  client: (p, frame, place) => assert.deepEqual(p.done.shift(), { do: 'send', frame }, place),
  asks: (p, what, place) => assert.deepEqual(p.done.shift(), { do: what }, place),
  closes: (p, code, place) => assert.deepEqual(p.done.shift(), { do: 'close', code }, place),
  told: (p, lines, place) => assert.deepEqual(p.told.splice(0), lines, place),
  position: (p, pos, place) => assert.equal(p.store.position, pos, place),
  state: (p, state, place) => {
    const has = p.store.state();
    for (const [name, wanted] of Object.entries(state)) {
      const sorted = has[name].sort((a, b) => (a.id < b.id ? -1 : 1));
      const filled = MESSAGES[name] ? wanted.map((raw) => fill(MESSAGES[name], raw)) : wanted;
      assert.deepEqual(sorted, filled, `${place} ${name}`);
    }
  },
};
