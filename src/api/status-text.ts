/** Reason phrases, from node's own table: HTTP/1.1 wants one, uWebSockets.js and hand-written answers need it. */
import { STATUS_CODES } from 'node:http';

export function statusText(status: number): string {
  return STATUS_CODES[status] ?? 'Unknown';
}
