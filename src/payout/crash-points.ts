/**
 * Where a payout may be killed: a point before and after each thing that outlasts the process. Tests kill the payer, its database
 * and its simulation at each of them, and count what was paid. No logic here: a list, and the shape of the hook.
 */
export const CRASH_POINTS = [
  'before-plan',
  'after-plan',
  'before-sign',
  /** The signed bytes exist in memory only. */
  'after-sign',
  'after-store-signed',
  'before-store-broadcast',
  /** The store says BROADCAST, and nothing has left. */
  'after-store-broadcast',
  'before-send',
  /** It may be on the chain, and nobody here knows. */
  'after-send',
  'before-resend',
  'after-resend',
  'before-accept',
  'after-accept',
  'before-reorganised',
  'after-reorganised',
  'before-confirm',
  'after-confirm',
  'before-conflict',
  'after-conflict',
  'before-consolidation',
  'after-consolidation',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Called at each point with its name; a test ends the process or throws there. */
export type AtPoint = (name: CrashPoint) => void | Promise<void>;
