/** Amounts of KAS as people write them, in sompi and back. Pure; integers, never by way of a double. */

export const SOMPI_PER_KAS = 100_000_000n;
export const BASIS_POINTS = 10_000n;
const KAS_DIGITS = 8;

/** `12.5` KAS in sompi; undefined when the text is no amount, or has more than 8 digits behind the point. */
export function sompiOf(kas: string): bigint | undefined {
  const parts = /^(\d{1,11})(?:\.(\d{1,8}))?$/.exec(kas);
  if (!parts) return undefined;
  return BigInt(parts[1]!) * SOMPI_PER_KAS + BigInt((parts[2] ?? '').padEnd(KAS_DIGITS, '0'));
}

/** With all eight digits, and a minus in front of what is negative. */
export function kasOf(sompi: bigint): string {
  const size = sompi < 0n ? -sompi : sompi;
  const digits = String(size % SOMPI_PER_KAS).padStart(KAS_DIGITS, '0');
  return `${sompi < 0n ? '-' : ''}${size / SOMPI_PER_KAS}.${digits}`;
}

/** `1.25` percent in basis points; undefined when it is no percentage with at most two decimals. */
export function basisPointsOf(percent: string | number): bigint | undefined {
  const parts = /^(\d{1,3})(?:\.(\d{1,2}))?$/.exec(String(percent));
  const points = parts && BigInt(parts[1]!) * 100n + BigInt((parts[2] ?? '').padEnd(2, '0'));
  return points !== null && points <= BASIS_POINTS ? points : undefined;
}
