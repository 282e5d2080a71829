/**
 * What a role says to the process that started it, over Node's own child channel: that it is ready and where it listens, and
 * later its numbers. Without such a parent all of this is silence.
 */

export type RoleMessage =
  | { readonly kind: 'ready'; readonly info: Readonly<Record<string, unknown>> }
  | { readonly kind: 'status'; readonly info: unknown }
  | { readonly kind: 'final'; readonly info: unknown };

export function tellParent(message: RoleMessage): void {
  // The parent may be gone between the check and the write.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/**
 * Calls `stop` once, at the first SIGINT or SIGTERM, or when the parent that started this role is gone; a second signal ends
 * the process at once, for people who have waited long enough.
 */
export function onStopRequested(stop: (reason: string) => void): void {
  let asked = false;
  const ask = (reason: string) => {
    if (asked) {
      if (reason.startsWith('SIG')) process.exit(130);
      return;
    }
    asked = true;
    stop(reason);
  };
  process.on('SIGINT', () => ask('SIGINT'));
  process.on('SIGTERM', () => ask('SIGTERM'));
  if (process.send) process.on('disconnect', () => ask('the parent process is gone'));
}
