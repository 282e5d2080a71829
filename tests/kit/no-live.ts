import type { LiveDoor } from '../../src/api/http-engine.ts';
import { failureResponse } from '../../src/api/routes.ts';

/** For tests of an HTTP engine that have nothing to do with live sockets: it takes none. */
export const NO_LIVE: LiveDoor = {
  admit: () => failureResponse(503),
  open: () => {},
  message: () => {},
  closed: () => {},
};
