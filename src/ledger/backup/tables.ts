/** Which tables there are, and in which order they can be loaded. In flows a connection, out flow names and columns. */
import type { ReservedConnection } from '../stores/postgres.ts';

export interface TableShape {
  readonly name: string;
  readonly columns: string[];
}

/** Tables of the schema, without partitions (their parents stand for them) and without the list of migrations. */
export async function tablesOf(sql: ReservedConnection): Promise<TableShape[]> {
  const tables = await sql<{ name: string; columns: string }[]>`
    SELECT c.relname AS name, string_agg(a.attname, ',' ORDER BY a.attnum) AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relname <> 'schema_migrations'
    GROUP BY c.relname ORDER BY c.relname`;
  const references = await sql<{ from: string; to: string }[]>`
    SELECT DISTINCT f.relname AS from, t.relname AS to
    FROM pg_constraint k JOIN pg_class f ON f.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
    WHERE k.contype = 'f' AND f.relnamespace = current_schema()::regnamespace AND f.oid <> t.oid`;
  return inOrder(
    tables.map(({ name, columns }) => ({ name, columns: columns.split(',') })),
    references,
  );
}

/** What is referred to comes first. */
function inOrder(
  tables: readonly TableShape[],
  references: readonly { readonly from: string; readonly to: string }[],
): TableShape[] {
  const ordered: TableShape[] = [];
  let left = [...tables];
  while (left.length > 0) {
    const waiting = new Set(left.map(({ name }) => name));
    const ready = left.filter(
      ({ name }) => !references.some(({ from, to }) => from === name && waiting.has(to)),
    );
    if (ready.length === 0)
      throw new Error(`tables refer to each other in a circle: ${[...waiting].join(', ')}`);
    ordered.push(...ready);
    left = left.filter((table) => !ready.includes(table));
  }
  return ordered;
}
