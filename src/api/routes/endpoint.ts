/**
 * What an address of the JSON interface is: a row of a table. The same row routes the request, validates it, documents it (OpenAPI), and
 * types its answer. Pure.
 */
import { z } from 'zod';
import type { PoolTerms } from '../../ledger/views/pool-terms.ts';
import type { PoolReads } from '../pool-reads.ts';

export interface EndpointSources {
  readonly reads: PoolReads;
  readonly terms: PoolTerms;
}

type Shape = z.ZodObject;

/** Answers are made to be written out, so none needs to be changeable. */
type Answer<T> = T extends readonly (infer Item)[]
  ? readonly Answer<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Answer<T[Key]> }
    : T;

export interface Endpoint<P extends Shape = Shape, Q extends Shape = Shape, R extends z.ZodType = z.ZodType> {
  /** With `{name}` for a part that is asked for. */
  readonly path: string;
  readonly summary: string;
  readonly tag: 'pool' | 'miner' | 'compat';
  readonly params: P;
  readonly query: Q;
  readonly response: R;
  /** How long anybody may keep the answer. */
  readonly maxAgeSeconds: number;
  /** A text is JSON already. undefined = there is no such thing: `missing` says what. */
  readonly answer: (
    sources: EndpointSources,
    params: z.output<P>,
    query: z.output<Q>,
  ) => Promise<Answer<z.output<R>> | string | undefined> | Answer<z.output<R>>;
  /** Name, title and hint of the 404. */
  readonly missing?: Missing;
}

export interface Missing {
  readonly name: string;
  readonly title: string;
  readonly hint: string;
}

export const nothing = z.strictObject({});

/** Keeps the types of one row together, and forgets them for the table. */
export function endpoint<P extends Shape, Q extends Shape, R extends z.ZodType>(
  row: Endpoint<P, Q, R>,
): Endpoint {
  return row as unknown as Endpoint;
}
