/**
 * The words that requests and answers are made of. One zod schema validates what comes in, documents it (OpenAPI), and types what
 * goes out. Amounts are decimal strings of sompi, hashrates numbers of H/s, moments ISO 8601 UTC, worker names data and never markup.
 */
import { z } from 'zod';

export const sompi = z
  .string()
  .regex(/^-?\d{1,20}$/)
  .describe('Sompi (10^-8 KAS), a decimal string');
export const moment = z.iso.datetime().describe('ISO 8601, UTC');
export const hashesPerSecond = z.number().min(0).describe('H/s');
export const blockHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('Lower-case hex, 64 digits');
export const count = z.number().int().min(0);
/** Verdict label -> number of submissions; labels are those of the verdict table. */
export const byVerdict = z.record(z.string(), count);

export const RANGES = ['1h', '24h', '7d', '30d'] as const;
export type Range = (typeof RANGES)[number];

/** Of query strings: what is not asked for takes the default, what is not understood is refused with 400. */
export const rangeQuery = z.strictObject({ range: z.enum(RANGES).default('24h') });
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(25).describe('Rows of one page'),
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/)
    .optional()
    .describe('`next` of the page before; opaque'),
});
export type PageQuery = z.infer<typeof pageQuery>;

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    next: z.string().nullable().describe('Cursor of the next page; null = this was the last'),
  });

export interface PageOf<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}
