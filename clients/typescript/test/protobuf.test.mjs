// The transcripts' frames in protobuf, read by an implementation that is not ours: they say what
// the JSON says.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createFileRegistry, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const proto = new URL('../../../proto/', import.meta.url);
const set = readFileSync(new URL('schema/trunkline.v1.binpb', proto));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
const Frame = registry.getMessage('trunkline.v1.Frame');

// Says what no server of this version would.
const STRANGE = 'unknown.json';

const choices = (message, oneof) =>
  registry.getMessage(message).oneofs.find((o) => o.name === oneof).fields.map((f) => f.name);
const ENTITIES = choices('trunkline.v1.Event', 'entity');
const DETAILS = choices('trunkline.v1.Err', 'details');

/** One of several members under the name that JSON has for it. */
function choose(object, names, name) {
  for (const from of names) {
    if (object[from] === undefined) continue;
    object[name] = object[from];
    delete object[from];
  }
  return object;
}

/** ProtoJSON of a frame as the JSON form has it. */
function jsonForm(frame) {
  const [[name, body]] = Object.entries(toJson(Frame, frame, { registry, useProtoFieldName: true }));
  const t = name.replaceAll('_', '.');
  if (t === 'ev') return { t, ...choose({ ...body.event }, ENTITIES, 'o') };
  return { t, ...choose({ ...body }, t === 'err' ? DETAILS : [], 'details') };
}

const TIME = /^(\d{4}-.*:\d\d)(?:(\.\d*[1-9])0*|\.0*)?Z$/;

/** Without members that hold a default; times without zeros at their end. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'string') return value.replace(TIME, '$1$2Z');
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value).map(([name, v]) => [name, plain(v)]);
  const empty = (v) =>
    v === '' || v === 0 || v === false || (typeof v === 'object' && Object.keys(v).length === 0);
  return Object.fromEntries(members.filter(([, v]) => !empty(v)));
}

const files = readdirSync(new URL('vectors/pb/', proto));
assert.ok(files.length >= 10, 'the transcripts are there');

for (const file of files) {
  test(`${file} in protobuf`, () => {
    const { steps } = JSON.parse(readFileSync(new URL(`vectors/${file}`, proto), 'utf8'));
    const frames = JSON.parse(readFileSync(new URL(`vectors/pb/${file}`, proto), 'utf8'));
    for (const [number, text] of Object.entries(frames)) {
      const place = `${file} step ${number}`;
      const bytes = Buffer.from(text, 'base64');
      const frame = fromBinary(Frame, bytes);
      const { server, client } = steps[number - 1];
      if (file !== STRANGE) assert.deepEqual(plain(jsonForm(frame)), plain(server ?? client), place);
      // Nothing in it that the descriptors do not know.
      const again = toBinary(Frame, frame, { writeUnknownFields: false });
      assert.equal(again.length, bytes.length, place);
    }
  });
}
