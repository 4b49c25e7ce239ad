import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Player } from './play.mjs';

const folder = new URL('../../../proto/vectors/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
assert.ok(files.length >= 10, 'the transcripts are there');

for (const file of files) {
  const vector = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  test(`${file}: ${vector.about}`, () => {
    const player = new Player(vector);
    vector.steps.forEach((step, n) => {
      player.step(step, `${file} step ${n + 1}: ${JSON.stringify(step).slice(0, 100)}`);
    });
    player.end(file);
  });
}
