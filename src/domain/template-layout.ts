/**
 * One prepared template as it lies in memory shared with the validator threads, written by the main thread before any record
 * names it. Pure.
 *
 *
 *   0          4      8             16            48              80
 *   | seq u32  | pad  | timestamp   | prePowHash  | target (LE)   |
 */
export const TEMPLATE_BYTES = 80;
export const TEMPLATE_OFFSET_SEQUENCE = 0;
export const TEMPLATE_OFFSET_TIMESTAMP = 8;
export const TEMPLATE_OFFSET_PRE_POW = 16;
export const TEMPLATE_OFFSET_TARGET = 48;
