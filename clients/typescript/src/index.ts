export {
  CommandError,
  TrunklineClient,
  type ClientOptions,
  type CommandOptions,
  type Listeners,
} from './client.js';
export type { Sub, Token } from './core.js';
export type { TokenProvider } from './driver.js';
export type * from './proto.gen.js';
export type { Collections, DeskEvent, Entities, Gone, Status, StatusChange } from './told.js';
export { isAfter } from './position.js';
export { uuidv7 } from './uuid.js';
