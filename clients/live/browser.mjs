// Tabs in a real Chromium for the tests: orders on the standard input, answers on the output.

import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../typescript/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const { url, subs, token_file, page: address } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const TYPES = { js: 'text/javascript', html: 'text/html', json: 'application/json' };
const server = createServer((request, response) => {
  const send = (type, body) => response.setHeader('content-type', type).end(body);
  if (request.url === '/') return send(TYPES.html, readFileSync(new URL('page.html', import.meta.url)));
  if (request.url === '/options') return send(TYPES.json, JSON.stringify({ url, subs }));
  if (request.url === '/token') {
    say({ asked: request.headers.referer });
    return send('text/plain', readFileSync(token_file, 'utf8').trim());
  }
  const name = /^\/dist\/([\w.-]+\.js)$/.exec(request.url)?.[1];
  if (name) return send(TYPES.js, readFileSync(new URL(`../typescript/dist/${name}`, import.meta.url)));
  response.writeHead(404).end();
});
const [host, port] = address.split(':');
await new Promise((resolve) => server.listen(Number(port), host, resolve));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const context = await browser.newContext();
const tabs = new Map();

const ORDERS = {
  async open({ tab, alone }) {
    const page = await context.newPage();
    page.on('pageerror', (error) => say({ trouble: String(error) }));
    tabs.set(tab, page);
    await page.goto(`http://${address}/${alone ? '#alone' : ''}`);
    await page.waitForFunction(() => window.desk);
    await page.evaluate(() => window.desk.live());
  },
  async account({ tab }) {
    return tabs.get(tab).evaluate(() => ({
      ...window.account,
      position: window.desk.position,
      calls: [...window.desk.calls.keys()],
      agents: [...window.desk.agents.values()].map(({ id, state }) => [id, state]),
      status: window.desk.status,
    }));
  },
  async command({ tab, op, args }) {
    return tabs.get(tab).evaluate(
      ([op, args]) => window.desk.command(op, { args }).then((r) => r.status, (e) => e.code),
      [op, args],
    );
  },
  /** Nothing of the page runs for so long: no timer, no message, as in a tab that sleeps. */
  async sleep({ tab, ms }) {
    await tabs.get(tab).evaluate((ms) => {
      setTimeout(() => {
        for (const end = performance.now() + ms; performance.now() < end; );
      });
    }, ms);
  },
  async close({ tab }) {
    await tabs.get(tab).close();
    tabs.delete(tab);
  },
};
say({ up: true });
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  try {
    say({ answer: order.n, value: (await ORDERS[order.do](order)) ?? null });
  } catch (error) {
    say({ answer: order.n, trouble: String(error) });
  }
}
await browser.close();
process.exit(0); // connections of the browser may linger
