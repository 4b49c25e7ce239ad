// A desk in TypeScript for the tests: orders on the standard input, an account on the output.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { CommandError, TrunklineClient } from '../typescript/dist/index.js';

const { url, subs, token_file } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const desk = new TrunklineClient({
  url,
  subs,
  token: async () => {
    say({ asked: true });
    return readFileSync(token_file, 'utf8').trim();
  },
  backoffFirstMs: 20,
  backoffMaxMs: 200,
});
desk.on('event', (e) => say({ pos: e.pos, k: e.k, id: e.o.id, rev: e.o.rev, by: e.caused_by }));
desk.on('status', (change) => say(change));
desk.on('snapshot', () => say({ snapshot: desk.position }));

desk.on('gone', ({ id, why }) => say({ gone: id, why }));
desk.on('figures', ({ kind, id, calls }) => say({ board: `${kind}:${id}`, figures: calls }));

const ORDERS = {
  subscribe: ({ do: _, ...sub }) => desk.subscribe(sub),
  unsubscribe: ({ id }) => desk.unsubscribe(id),
  report: () => {
    const ids = (map) => [...map.values()].map(({ id, rev }) => [id, rev]).sort();
    say({ report: desk.position, calls: ids(desk.calls), agents: ids(desk.agents) });
  },
  command: ({ op, args, within_ms }) => {
    const command = desk.command(op, { args, withinMs: within_ms });
    say({ gave: command.id });
    command.then(
      (result) => say({ done: result.id, status: result.status }),
      (error) => {
        if (!(error instanceof CommandError)) throw error;
        say({ done: command.id, status: error.code, nothing: error.nothingDone });
      },
    );
  },
};
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const order = JSON.parse(line);
  ORDERS[order.do](order);
});
input.on('close', () => desk.close());
