// A small desktop in TypeScript for `trunkline conform`: logs in, and ends the work after each call.

import { TrunklineClient } from '../typescript/dist/index.js';

const desk = new TrunklineClient({
  url: process.env.TRUNKLINE_URL,
  token: () => process.env.TRUNKLINE_TOKEN,
  subs: [{ id: 'calls', topic: 'calls:own' }, { id: 'me', topic: 'agent:self' }],
});

const run = (...order) => desk.command(...order).catch((error) => console.error(`${error}`));

desk.on('agent', async (agent) => {
  if (agent.state !== 'working_after_call') return;
  const target = { call: agent.last_call_id };
  await run('call.data', { target, args: { key: 'done', value: 'yes' } });
  await run('agent.state', { args: { state: 'ready' } });
});
run('agent.login', { withinMs: 20_000 });
setInterval(() => {}, 60_000); // a stopped desktop stays open: it shows why
