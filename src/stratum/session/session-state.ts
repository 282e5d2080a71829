/**
 * The states of one miner's connection.
 *
 *                subscribe               authorize                         goodbye, refusal, peer has ended
 *   connected ---------------> subscribed ----------> authorized -----------------+
 *       |                          |                    ^  | authorize again      v
 *       |        authorize without subscribe            +--+ (the last wins)   closing --- last answer written, socket gone
 *       +---------------------------------------------->                          |                         |
 *       any state: socket gone, time-out, junk, slow reader ----------------------+----> lingering ----> free
 *
 * *Closing* reads no more lines, but the answers that are owed are still written. *Lingering* has no socket: the slot, the
 * extranonce and the worker references stay taken until the last pending share has been answered to nobody, since its record
 * still names them. Then the generation moves on and the slot is free.
 */

export const SessionState = {
  Free: 0,
  Connected: 1,
  Subscribed: 2,
  Authorized: 3,
  Closing: 4,
  Lingering: 5,
} as const;
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

/** Not a journal reference. */
export const WORKER_NONE = -1;
