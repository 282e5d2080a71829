/**
 * How a connection that ended counts against the address that it came from: only what no miner does. Points fade by one a second, so a
 * miner that is set to TLS on a plain port and tries again every five seconds is never kept waiting; a scan is.
 */
import type { CloseReason } from '../stratum-metrics.ts';

export const FAULT_POINTS: Readonly<Partial<Record<CloseReason, number>>> = {
  malformed: 10,
  line_too_long: 10,
  line_flood: 20,
  http: 5,
  tls: 5,
  plain_text: 5,
  tls_handshake: 5,
  websocket_handshake: 5,
  proxy_header: 5,
  login_timeout: 5,
  unauthorized: 5,
};
