/** Which extranonces the ports lend out. */
import { type ExtranonceBytes, ExtranoncePool, extranonceRange } from '../domain/extranonce.ts';

/** Of each port; ports that lend equally many bytes share one. */
export function extranoncePools(
  bytesOfPorts: readonly ExtranonceBytes[],
  restMs: number,
  random: () => number,
): ExtranoncePool[] {
  const wideToo = bytesOfPorts.includes(1);
  const pools = new Map<ExtranonceBytes, ExtranoncePool>();
  for (const bytes of new Set(bytesOfPorts))
    pools.set(bytes, new ExtranoncePool(restMs, random, extranonceRange(bytes, wideToo)));
  return bytesOfPorts.map((bytes) => pools.get(bytes)!);
}
